"""Real etcd members on disks whose power can be cut."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.etcd.machines import Cluster, azure, cluster
from toolchain import spec
from toolchain.ensure import Toolchain
from toolchain.options import Options

Healthy = Callable[[int], Cluster]
Tell = Callable[[str], None]


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of etcd, etcdctl, etcd-load and fallible-disk."""
    if os.geteuid() or not Path("/dev/fuse").exists():
        reason = "needs root and /dev/fuse, for disks whose power can be cut"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; in CI that is a failure")
        pytest.skip(reason)
    return Toolchain(spec.load(), Options.from_environment()).folders("test").bin


@pytest.fixture(scope="session")
def healthy(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    """Gives a healthy cluster of so many members: the one of the test before if it healed."""
    with azure() as (_, url), ExitStack() as living:
        made: dict[int, Cluster] = {}

        def give(size: int) -> Cluster:
            if size not in made or not made[size].is_whole():
                living.close()
                made.clear()
                folder = tmp_path_factory.mktemp(f"etcd-{size}-")
                container = f"{url}/{folder.name}"
                made[size] = living.enter_context(cluster(size, folder, programs, container))
            return made[size]

        yield give


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Has the end of the run say what a test measured."""
    return lambda what: record_property("figure", what)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for _, what in report.user_properties if report.when == "call" else ():
            terminalreporter.write_line(f"kilonode: {report.nodeid.rpartition('::')[2]}: {what}")
