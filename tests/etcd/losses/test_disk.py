"""The disk that the loss tests stand on loses, and keeps, what they say it does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.etcd.losses.disk import Disk

Mounted = Callable[..., tuple[Disk, Path]]


@pytest.fixture
def mounted(disks: Path, tmp_path: Path) -> Iterator[Mounted]:
    """Mounts one; gives it and its folder."""
    mounts: list[Disk] = []

    def mount(**options: str) -> tuple[Disk, Path]:
        folder = tmp_path / "mount"
        mounts.append(Disk(disks, tmp_path / "backing", folder, **options))
        return mounts[0], folder

    yield mount
    for disk in mounts:
        disk.end()
    assert not os.path.ismount(tmp_path / "mount")


def write(path: Path, content: bytes, *, at: int = 0, sync: bool = False) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.pwrite(file, content, at)
    if sync:
        os.fdatasync(file)
    os.close(file)


def test_a_cut_loses_what_was_not_synced_and_nothing_else(mounted: Mounted) -> None:
    disk, folder = mounted()
    write(folder / "log", b"a" * 10_000, sync=True)
    write(folder / "other", b"kept", sync=True)
    write(folder / "log", b"b" * 5_000, at=4_000)
    write(folder / "log", b"c" * 5_000, at=9_000)
    os.truncate(folder / "log", 12_000)
    write(folder / "new", b"never synced")
    assert disk.cut() > 0
    assert (folder / "log").read_bytes() == b"a" * 10_000
    assert (folder / "other").read_bytes() == b"kept"
    assert (folder / "new").read_bytes() == b""


def test_what_was_cut_off_comes_back_unless_that_was_synced(mounted: Mounted) -> None:
    disk, folder = mounted()
    for name in ("undone", "done"):
        write(folder / name, b"a" * 10_000, sync=True)
        os.truncate(folder / name, 100)
    write(folder / "done", b"", sync=True)
    disk.cut()
    assert (folder / "undone").stat().st_size == 10_000
    assert (folder / "done").stat().st_size == 100


def test_a_disk_that_lies_loses_what_it_said_it_had_synced(mounted: Mounted) -> None:
    disk, folder = mounted()
    write(folder / "log", b"old", sync=True)
    disk.lie()
    write(folder / "log", b"new", sync=True)
    disk.cut()
    assert (folder / "log").read_bytes() == b"old"


def test_a_sync_takes_as_long_as_the_disk_is_told(mounted: Mounted) -> None:
    disk, folder = mounted(sync_delay="20ms")
    start = time.monotonic()
    for _ in range(5):
        write(folder / "log", b"x", sync=True)
    assert time.monotonic() - start >= 0.1
    assert disk.syncs() == 5
