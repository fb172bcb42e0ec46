"""Everything of this host that the local Azure may change, for a comparison of before and after.

Other programs use the host meanwhile. Of what they change all the time (processes, namespaces,
cgroups, mounts), only what is ours counts; of the rest, everything.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local_azure import host, paths
from local_azure.machines import cgroup
from local_azure.shell import run

_NAMESPACES = ("mnt", "net", "pid", "ipc", "uts", "cgroup", "user", "time")
# Where `ip netns` mounts them.
_NAMED_NAMESPACES = "/run/netns"


def take() -> dict[str, Any]:
    """Sorted lists of strings by kind, and the sysctls by name."""
    ours = dict(our_processes())
    return {
        "processes": sorted(ours.values()),
        "namespaces": _namespaces(list(ours)),
        "mounts": our_mounts(Path("/proc/self/mountinfo").read_text()),
        "loop_devices": run(
            "losetup", "--raw", "--noheadings", "-O", "NAME,BACK-FILE"
        ).splitlines(),
        "cgroups": sorted(
            str(path)
            for top in cgroup.hierarchies()
            for path in top.rglob("*")
            # A kubelet that saw the host's own root would make kubepods there.
            if path.is_dir() and re.search(rf"/({cgroup.TOP}|kubepods)", str(path))
        ),
        "links": sorted(link["ifname"] for link in json.loads(run("ip", "-json", "link"))),
        "routes": sorted(run("ip", "route", "show", "table", "all").splitlines()),
        "iptables": _firewall(),
        "sysctls": host.sysctls(),
    }


def our_processes() -> Iterator[tuple[int, str]]:
    """Ids and command lines of what runs in our cgroup, or was started by `make up` or `down`."""
    in_our_cgroup = cgroup.pids("")
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit() and int(directory.name) != os.getpid():
            pid = int(directory.name)
            words = cgroup.read(directory / "cmdline").replace("\0", " ").strip()
            if words and (pid in in_our_cgroup or _is_marked(directory)):
                yield pid, words


def _is_marked(process: Path) -> bool:
    try:
        variables = (process / "environ").read_bytes().split(b"\0")
    except OSError:  # It has ended meanwhile.
        return False
    return any(variable.startswith(f"{paths.MARK}=".encode()) for variable in variables)


def _namespaces(processes: list[int]) -> list[str]:
    """Those that our processes hold, the host's own among them, and those with a name."""
    held = set()
    for pid in processes:
        for kind in _NAMESPACES:
            try:
                held.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
            except OSError:  # It has ended meanwhile.
                continue
    named = (f"named {line.split()[0]}" for line in run("ip", "netns", "list").splitlines())
    return sorted({*held, *named})


def our_mounts(mountinfo: str) -> list[str]:
    """Mount points with what is mounted there; the mounts' numbers are left out."""
    places = (str(paths.state()), str(paths.cache()), str(paths.RUN), _NAMED_NAMESPACES)
    lines = (" ".join(line.split()[3:]) for line in mountinfo.splitlines())
    return sorted(line for line in lines if any(place in line for place in places))


def _firewall() -> list[str]:
    programs = ("iptables-save", "ip6tables-save")
    lines = [line for name in programs if shutil.which(name) for line in run(name).splitlines()]
    # Counters, and the comment with the time.
    return [re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not line.startswith("#")]
