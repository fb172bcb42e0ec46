"""Local disks: loop devices over sparse files, as fresh as Azure hands them out."""

from __future__ import annotations

import json
from pathlib import Path

from local_azure.shell import run, succeeds


def make(file: Path, blank: Path) -> None:
    """A blank disk, unless the machine still has its own."""
    if not file.exists():
        draft = file.with_suffix(".draft")
        run("cp", "--sparse=always", blank, draft)
        draft.replace(file)


def attach(file: Path) -> str:
    """The loop device of the disk, its partitions known to the kernel."""
    detach(file)
    # Direct: what the machine syncs is on the host's disk, and pages are not cached twice.
    options = ("--find", "--show", "--partscan", "--direct-io=on")
    device = run("losetup", *options, file).strip()
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
    """What a deallocation or a move to another host does to a local disk."""
    detach(file)
    file.unlink(missing_ok=True)
