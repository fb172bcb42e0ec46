"""Disks: loop devices over sparse files. Local ones are as fresh as Azure hands them out; managed
ones are raw at first, and outlive the machines that they are attached to."""

from __future__ import annotations

import json
from pathlib import Path

from local_azure import paths
from local_azure.shell import run, succeeds

_GIB = 1024**3


def managed(name: str) -> Path:
    """The file of a managed disk."""
    return paths.state() / "disks" / name.lower()


def provide(name: str, gib: int) -> None:
    """A managed disk of this size: a new one is raw, one that is there may grow."""
    file = managed(name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("ab") as disk:
        disk.truncate(gib * _GIB)


def make(file: Path, blank: Path) -> None:
    """A blank disk, unless the machine still has its own."""
    if not file.exists():
        draft = file.with_suffix(".draft")
        run("cp", "--sparse=always", blank, draft)
        draft.replace(file)


def attach(file: Path) -> str:
    """The loop device of the disk."""
    detach(file)
    # Direct: what the machine syncs is on the host's disk, and pages are not cached twice.
    options = ("--find", "--show", "--partscan", "--direct-io=on")
    return run("losetup", *options, file).strip()


def attach_partitioned(file: Path) -> str:
    """The same, its partitions known to the kernel."""
    device = attach(file)
    # A kernel without GPT has found no partition: partx reads the table itself.
    run("partx", "--update", device)
    return device


def detach(file: Path) -> None:
    """Let go of every loop device whose file is this one, or lies below this directory."""
    for device in json.loads(run("losetup", "--list", "--json") or '{"loopdevices": []}')[
        "loopdevices"
    ]:
        # The kernel marks a file that was unlinked meanwhile.
        backing = Path(device["back-file"].removesuffix(" (deleted)"))
        if backing == file or file in backing.parents:
            succeeds("losetup", "--detach", device["name"])


def forget(file: Path) -> None:
    """What a deallocation or a move to another host does to a local disk, and its deletion to a
    managed one."""
    detach(file)
    file.unlink(missing_ok=True)
