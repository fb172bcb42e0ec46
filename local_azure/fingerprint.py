"""Everything of this host that the local Azure may change, for a comparison of before and after."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from local_azure import host
from local_azure.machines import cgroup
from local_azure.shell import run

_NAMESPACES = ("mnt", "net", "pid", "ipc", "uts", "cgroup", "user", "time")


def take() -> dict[str, Any]:
    """Sorted lists of strings by kind, and the sysctls by name."""
    processes = _processes()
    return {
        "processes": sorted(processes.values()),
        "namespaces": _namespaces(list(processes)),
        "mounts": _mounts(),
        "loop_devices": run(
            "losetup", "--raw", "--noheadings", "-O", "NAME,BACK-FILE"
        ).splitlines(),
        "cgroups": sorted(
            str(path) for top in cgroup.hierarchies() for path in top.rglob("*") if path.is_dir()
        ),
        "links": sorted(link["ifname"] for link in json.loads(run("ip", "-json", "link"))),
        "routes": sorted(run("ip", "route", "show", "table", "all").splitlines()),
        "iptables": _firewall(),
        "sysctls": host.sysctls(),
    }


def _processes() -> dict[int, str]:
    """Command lines by process id, without the kernel's threads and this process."""
    found = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit() and int(directory.name) != os.getpid():
            words = cgroup.read(directory / "cmdline").replace("\0", " ").strip()
            if words:
                found[int(directory.name)] = words
    return found


def _namespaces(processes: list[int]) -> list[str]:
    held = set()
    for pid in processes:
        for kind in _NAMESPACES:
            try:
                held.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
            except OSError:  # It has ended meanwhile.
                continue
    named = (f"named {line.split()[0]}" for line in run("ip", "netns", "list").splitlines())
    return sorted({*held, *named})


def _mounts() -> list[str]:
    """Mount points with what is mounted there; the mounts' numbers are left out."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return sorted(" ".join(line.split()[3:]) for line in lines)


def _firewall() -> list[str]:
    programs = ("iptables-save", "ip6tables-save")
    lines = [line for name in programs if shutil.which(name) for line in run(name).splitlines()]
    # Counters, and the comment with the time.
    return [re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not line.startswith("#")]
