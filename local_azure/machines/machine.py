"""Starts and ends machines."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from local_azure import fabric, paths
from local_azure.machines import cgroup, disk, seed
from local_azure.machines.spec import Spec, locked

_START = Path(__file__).parent / "start.sh"
_START_SECONDS = 60.0
# Azure's, before it turns a machine off that was told to shut down.
STOP_SECONDS = 300.0
# systemd's words for "power off, in order".
_POWER_OFF = signal.SIGRTMIN + 4


class MachineError(Exception):
    """A machine did not do what was asked; the text says which and why."""


def group(spec: Spec) -> str:
    return f"machines/{spec.name}"


def running(spec: Spec) -> bool:
    return cgroup.init(group(spec)) is not None


def start(spec: Spec) -> None:
    """Boot the machine unless it runs; returns when its init is up."""
    with locked(spec.name):
        if running(spec):
            return
        _clear(spec)
        upper = spec.directory / "upper"
        if not upper.exists():
            _blank(spec)
        image, local = Path(spec.image), spec.directory / "resource-disk"
        disk.make(local, image / "resource-disk")
        device = disk.attach_partitioned(local)
        own = disk.attach(Path(spec.data_disk)) if spec.data_disk else None
        seed.disk_links(upper, device, own)
        namespace = fabric.attach(spec.name, spec.address, spec.subnet)
        groups = cgroup.make(group(spec))
        command = [str(_START), str(spec.directory), str(image / "root"), *map(str, groups), "--"]
        with (spec.directory / "console.log").open("ab") as console:
            subprocess.run(
                [*command, *_nspawn(spec, namespace, device, own)],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                # Without it /proc/sys is read-only, and dockerd does not start.
                env={**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes"},
            )
        _await_init(spec)


def stop(spec: Spec) -> None:
    """Power off, by force after some minutes. Takes along what a dead starter left behind."""
    with locked(spec.name):
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and (init := cgroup.init(group(spec))):
            # Again and again: a systemd that has just begun does not listen yet.
            _power_off(init)
            _wait(lambda: not running(spec), 1.0)
        _clear(spec)


def reimage(spec: Spec) -> None:
    """A new disk for the operating system; the local disk stays."""
    stop(spec)
    upper, draft = spec.directory / "upper", spec.directory / "upper.draft"
    with locked(spec.name):
        # What an interrupted start or reimage left of a disk.
        shutil.rmtree(draft, ignore_errors=True)
        # _blank clears it away: a half-removed disk must not be booted again.
        if upper.exists():
            upper.rename(draft)
    start(spec)


def deallocate(spec: Spec) -> None:
    """Give the host back: the next start is on another one, with a blank local disk."""
    stop(spec)
    disk.forget(spec.directory / "resource-disk")


def delete(spec: Spec) -> None:
    """End the machine and its disks, but not a managed one. As Azure, which shuts no machine down
    whose disks all go with it, this gives its programs no time."""
    with locked(spec.name):
        _clear(spec)
    # In one step: a successor of the same name must not find half of these disks.
    trash = paths.state() / "trash" / spec.vm_id
    trash.parent.mkdir(exist_ok=True)
    spec.directory.rename(trash)
    shutil.rmtree(trash)


def _blank(spec: Spec) -> None:
    """A fresh operating system's disk, complete or not there at all."""
    draft = spec.directory / "upper.draft"
    for directory in (draft, spec.directory / "work"):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
    (spec.directory / "root").mkdir(exist_ok=True)
    seed.sow(spec, draft)
    draft.rename(spec.directory / "upper")


def _nspawn(spec: Spec, namespace: str, device: str, own: str | None) -> list[str]:
    return [
        *("--quiet", "--boot", "--register=no", "--keep-unit", "--console=read-only"),
        *("--capability=all", "--system-call-filter=add_key keyctl bpf @memlock"),
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--tmpfs=/tmp"),
        *(f"--machine={spec.name}", f"--hostname={spec.hostname}", f"--uuid={spec.vm_id}"),
        *(f"--network-namespace-path={namespace}", "--bind=/dev/kmsg"),
        *(f"--bind={device}", f"--bind={device}p1"),
        *([f"--bind={own}"] if own else []),
    ]


def _await_init(spec: Spec) -> None:
    _wait(lambda: running(spec) or not cgroup.pids(group(spec)), _START_SECONDS)
    if not running(spec):
        _clear(spec)
        tail = (spec.directory / "console.log").read_text(errors="replace")[-2000:]
        raise MachineError(f"{spec.name} does not start; the end of its console:\n{tail}")


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def _power_off(init: int) -> None:
    try:
        os.kill(init, _POWER_OFF)
    except ProcessLookupError:
        return


def _clear(spec: Spec) -> None:
    """Take away what only a running machine has."""
    cgroup.kill(group(spec))
    disk.detach(spec.directory)
    if spec.data_disk:
        disk.detach(Path(spec.data_disk))
    fabric.detach(spec.name, spec.address)
