"""Real etcd members on disks whose power can be cut."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.etcd.losses.machines import Cluster, cluster
from tests.unit.blob_store import azure

Healthy = Callable[[int], Cluster]


@pytest.fixture(scope="session")
def disks(programs: Path) -> Path:
    """The folder of all programs, where disks can be mounted."""
    if os.geteuid() or not Path("/dev/fuse").exists():
        reason = "needs root and /dev/fuse, for disks whose power can be cut"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; in CI that is a failure")
        pytest.skip(reason)
    return programs


@pytest.fixture(scope="session")
def healthy(disks: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    """Gives a healthy cluster of so many members: the one of the test before if it healed."""
    with azure() as (_, url), ExitStack() as living:
        made: dict[int, Cluster] = {}

        def give(size: int) -> Cluster:
            if size not in made or not made[size].is_whole():
                living.close()
                made.clear()
                folder = tmp_path_factory.mktemp(f"etcd-{size}-")
                container = f"{url}/{folder.name}"
                made[size] = living.enter_context(cluster(size, folder, disks, container))
            return made[size]

        yield give
