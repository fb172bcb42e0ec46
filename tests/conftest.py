"""Figures: what a test measured on the way is said at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Tell = Callable[[str], None]


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Has the end of the run say what a test measured."""
    return lambda what: record_property("figure", what)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for _, what in report.user_properties if report.when == "call" else ():
            terminalreporter.write_line(f"kilonode: {report.nodeid.rpartition('::')[2]}: {what}")
