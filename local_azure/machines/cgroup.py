"""One cgroup per machine, and one for the daemon, in every hierarchy of the host.

On cgroup v1 the kubelets of all machines would otherwise share one /kubepods; and what is left of
a machine whose starter was killed is found by its cgroup alone.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TOP = "kilonode"
_KILL_SECONDS = 30.0


@cache
def hierarchies() -> tuple[Path, ...]:
    """The mount points of all cgroup hierarchies, v1 and v2."""
    mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    # Fields after the "-" separator: file system type, source, options. A root other than "/" is
    # a part of a hierarchy, bound elsewhere.
    return tuple(
        Path(mount[4])
        for mount in mounts
        if mount[mount.index("-") + 1] in ("cgroup", "cgroup2") and mount[3] == "/"
    )


def make(name: str) -> list[Path]:
    """Make the cgroup kilonode/NAME everywhere; the directories, one per hierarchy."""
    made = []
    for hierarchy in hierarchies():
        group = hierarchy
        for part in (TOP, *name.split("/")):
            _delegate(group)
            group = group / part
            group.mkdir(exist_ok=True)
            _fill_cpuset(group)
        made.append(group)
    return made


def pids(name: str) -> set[int]:
    """Every process in the cgroup or below it, in any hierarchy."""
    return {int(pid) for group in _groups(name) for pid in read(group / "cgroup.procs").split()}


def init(name: str) -> int | None:
    """The process that is number 1 in the machine's pid namespace, or None if it is not up."""
    depth = len(_namespaced_ids(os.getpid())) + 1
    for pid in pids(name):
        ids = _namespaced_ids(pid)
        if len(ids) == depth and ids[-1] == "1":
            return pid
    return None


def kill(name: str) -> None:
    """Kill everything in the cgroup and remove it. Raises TimeoutError."""
    deadline = time.monotonic() + _KILL_SECONDS
    while True:
        for pid in pids(name):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for group in _groups(name):
            try:
                group.rmdir()
            except OSError:  # Busy until the kernel has reaped its last process.
                continue
        if not any(True for _ in _groups(name)):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {sorted(pids(name))} of {name} do not die")
        time.sleep(0.05)


def _groups(name: str) -> Iterator[Path]:
    """All cgroups at or below NAME, the deepest first."""
    for hierarchy in hierarchies():
        for directory, _, _ in os.walk(hierarchy / TOP / name, topdown=False):
            yield Path(directory)


def _delegate(group: Path) -> None:
    """cgroup v2 gives a child only the controllers that its parent names."""
    if len(hierarchies()) > 1:
        return  # The controllers are in hierarchies of version 1.
    for controller in read(group / "cgroup.controllers").split():
        (group / "cgroup.subtree_control").write_text(f"+{controller}")


def _fill_cpuset(group: Path) -> None:
    """cgroup v1 refuses processes in a cpuset without processors and memory nodes."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        if (group / file).exists() and not read(group / file).strip():
            (group / file).write_text(read(group.parent / file))


def _namespaced_ids(pid: int) -> list[str]:
    status = read(Path(f"/proc/{pid}/status"))
    return next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid")), [])


def read(file: Path) -> str:
    """A file's text, "" where the kernel has none or no longer has it."""
    try:
        return file.read_text()
    except OSError:
        return ""
