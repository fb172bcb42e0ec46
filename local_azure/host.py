"""What the local Azure needs of this host, and what it changes on it and puts back."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from local_azure import image, paths
from local_azure.machines import cgroup, spec
from local_azure.shell import CommandError, run, succeeds

# What the machines of the local stack write while all cluster tests run is 6 GiB.
STATE_GIB = 10
# Programs that are built from source take 17 GiB until the last is built.
CACHE_GIB = 20
# Command -> the Debian and Ubuntu package that has it.
PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "iptables": "iptables",
    "losetup": "mount",
    "partx": "util-linux",
    "nsenter": "util-linux",
    "sysctl": "procps",
}
# A machine's systemd takes about ten of the 128 instances that are usual.
INOTIFY = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 1048576}
# What programs in machines write of the kernel's settings that have no namespace.
_WRITTEN = (
    *INOTIFY,
    # systemd, and the sysctl.d of the image's packages
    *("fs/file-max", "fs/nr_open", "kernel/core_pattern", "kernel/pid_max"),
    *("fs/protected_fifos", "fs/protected_hardlinks"),
    *("fs/protected_regular", "fs/protected_symlinks"),
    # the kubelet
    *("kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "vm/panic_on_oom"),
    *("kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys"),
)
_SYSCTLS = Path("/proc/sys")
_NAMED_NAMESPACES = Path("/run/netns")
# These change by themselves.
_RESTLESS = ("kernel/random/", "kernel/ns_last_pid", "kernel/perf_", "kernel/sched_domain/")


def check(install: bool) -> None:
    """Raises CommandError with everything that is missing. Changes nothing unless all that
    packages cannot mend is there and `install` allows those."""
    problems = list(_lacks())
    packages = sorted({package for name, package in PROGRAMS.items() if not shutil.which(name)})
    if not problems and packages and install and shutil.which("apt-get"):
        succeeds("apt-get", "update", "--quiet")
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages)
    problems += [
        f"{name}: apt-get install {package}"
        for name, package in PROGRAMS.items()
        if not shutil.which(name)
    ]
    if problems:
        raise CommandError("the local Azure cannot run here; missing:\n  " + "\n  ".join(problems))


def _lacks_room() -> Iterator[str]:
    """Not asked of what is there: it has taken its room already."""
    if spec.directory().exists():
        return
    yield from _lacks_room_in(paths.state(), STATE_GIB)
    # It is made when all programs are.
    if not image.path().is_dir():
        yield from _lacks_room_in(paths.cache(), CACHE_GIB)


def _lacks_room_in(directory: Path, gib: int) -> Iterator[str]:
    there = next(parent for parent in (directory, *directory.parents) if parent.exists())
    free = shutil.disk_usage(there).free >> 30
    if free < gib:
        yield f"disk space: {there} has {free} GiB free, {gib} GiB are needed"


def _lacks() -> Iterator[str]:
    if os.geteuid() != 0:
        yield "root: machines are containers of the system's"
        return
    yield from _lacks_room()
    if "overlay" not in Path("/proc/filesystems").read_text() and not succeeds(
        "modprobe", "overlay"
    ):
        yield "overlayfs: the kernel does not have it"
    if not Path("/dev/loop-control").exists() and not succeeds("modprobe", "loop"):
        yield "loop devices: /dev/loop-control is not there"
    if not cgroup.hierarchies():
        yield "cgroups: none is mounted"


def sysctls() -> dict[str, str]:
    """Settings of the kernel that can be written and stay as they were written, by name.

    Those of the network are left out: machines and the fabric have namespaces of their own.
    """
    found = {}
    for top in ("fs", "kernel", "vm"):
        for file in sorted((_SYSCTLS / top).rglob("*")):
            name = str(file.relative_to(_SYSCTLS))
            if (
                not name.startswith(_RESTLESS)
                and file.is_file()
                and file.stat().st_mode & 0o600 == 0o600
            ):
                value = cgroup.read(file)
                if value:
                    found[name] = value.strip()
    return found


def prepare() -> None:
    """Note what the host was like, once, and raise the limits that many machines meet."""
    if not _record().exists():
        paths.state().mkdir(parents=True, exist_ok=True, mode=0o700)
        before = {
            "sysctls": {name: value for name, value in sysctls().items() if name in _WRITTEN},
            "named_namespaces": _NAMED_NAMESPACES.is_dir(),
        }
        draft = _record().with_suffix(".draft")
        draft.write_text(json.dumps(before, indent=1))
        draft.replace(_record())
    for name, wanted in INOTIFY.items():
        if int((_SYSCTLS / name).read_text()) < wanted:
            (_SYSCTLS / name).write_text(str(wanted))


def restore(say: Callable[[str], None]) -> None:
    """Put back what machines changed. Settings that somebody else changed meanwhile stay."""
    if not _record().exists():
        return
    before = json.loads(_record().read_text())
    now = sysctls()
    for name, value in before["sysctls"].items():
        if now.get(name) != value:
            try:
                (_SYSCTLS / name).write_text(value)
            except OSError as error:
                say(f"{name} cannot be set to {value} again: {error}")
    if not before["named_namespaces"] and not any(_NAMED_NAMESPACES.glob("*")):
        # `ip netns` mounts the directory upon itself.
        while succeeds("umount", _NAMED_NAMESPACES):
            continue
        if _NAMED_NAMESPACES.is_dir():
            _NAMED_NAMESPACES.rmdir()
    _record().unlink()


def _record() -> Path:
    return paths.state() / "host.json"
