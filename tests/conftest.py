"""What tests of several kinds share: the toolchain's programs, and figures, which are what a test
measured on the way and are said at the end of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import spec
from toolchain.ensure import Toolchain
from toolchain.options import Options

Tell = Callable[[str], None]


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of all that machines install and tests run: etcd, kubectl, etcd-load …"""
    return Toolchain(spec.load(), Options.from_environment()).folders("test").bin


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Has the end of the run say what a test measured."""
    return lambda what: record_property("figure", what)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for _, what in report.user_properties if report.when == "call" else ():
            terminalreporter.write_line(f"kilonode: {report.nodeid.rpartition('::')[2]}: {what}")
