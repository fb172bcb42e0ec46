"""Find the machine's local disk, format it if it is fresh, and mount it at /mnt/local."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kilonode.disk_choice import (
    CLOUD_INIT_MOUNT_POINT,
    LABEL,
    MOUNT_POINT,
    UNREADABLE,
    Assemble,
    Create,
    Device,
    Format,
    MissingError,
    Mount,
    RefusedError,
    Step,
    decide,
    parse,
)
from kilonode.machine import environment, say, write_atomically

_FSTAB = Path("/etc/fstab")
# The agent's (and azure-vm-utils') name of the resource disk, then cloud-init's.
_RESOURCE_LINKS = (Path("/dev/disk/azure/resource"), Path("/dev/disk/cloud/azure_resource"))
# azure-vm-utils' name of the disk at LUN 0, which there is for NVMe too; then the agent's.
_OWN_LINKS = (Path("/dev/disk/azure/data/by-lun/0"), Path("/dev/disk/azure/scsi1/lun0"))
# NAME makes lsblk print a tree, with partitions below their disks.
_COLUMNS = "NAME,PATH,TYPE,MODEL,MOUNTPOINTS"
_ARRAY = f"/dev/md/{LABEL}"
# The signatures that matter begin in the first MiB.
_SIGNATURES_END = 1 << 20
# Disks appear within seconds of a boot; one that does not come in this time will not come.
_PATIENCE_SECONDS = 120


def without_cloud_init_mount(fstab: str) -> str:
    """`fstab` with cloud-init's line for /mnt turned into a comment.

    On a later boot it would mount our own file system there, or cover /mnt/local.
    """
    return "".join(
        f"# {line}" if _is_cloud_init_mount(line) else line for line in fstab.splitlines(True)
    )


def _is_cloud_init_mount(line: str) -> bool:
    fields = line.split()
    return (
        len(fields) > 3
        and not line.startswith("#")
        and fields[1] == CLOUD_INIT_MOUNT_POINT
        and "comment=cloudconfig" in fields[3].split(",")
    )


def run(*command: str, accepted: tuple[int, ...] = (0,)) -> str:
    """What the command printed. Raises CalledProcessError for any other exit code."""
    say(f"+ {' '.join(command)}")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode not in accepted:
        raise subprocess.CalledProcessError(done.returncode, command)
    return done.stdout


def look() -> tuple[Device, ...]:
    # Links and partitions are there once udev is done; where it does not run, they are anyway.
    subprocess.run(["udevadm", "settle", "--timeout=30"], check=False)
    tree = json.loads(run("lsblk", "--json", "--output", _COLUMNS))
    _probe(tree["blockdevices"])
    return parse(tree)


def _probe(entries: Iterable[dict[str, Any]]) -> None:
    """Adds what lsblk would tell from udev's records, which lag behind or are not there, and which
    decide what may be formatted: so the disks themselves are asked."""
    for entry in entries:
        # A container sees the names of all the host's devices, but has few of them.
        present = Path(entry["path"]).exists()
        found = _signatures(entry["path"]) if present else {}
        entry |= {key.lower(): found.get(key) for key in ("FSTYPE", "LABEL", "PTTYPE")}
        _probe(entry.get("children", ()))


def _signatures(path: str) -> dict[str, str]:
    try:
        with Path(path).open("rb") as stream:
            stream.read(_SIGNATURES_END)
    except OSError as error:
        # blkid would tell it as it tells a blank disk, and that one is formatted.
        say(f"{path}: {error}")
        return {"FSTYPE": UNREADABLE}
    command = ("blkid", "--probe", "--output", "export", path)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 2):  # 2: nothing found
        return {"FSTYPE": "more than one"}
    found = dict(word.split("=", 1) for word in shlex.split(done.stdout))
    return {**found, **({"FSTYPE": found["TYPE"]} if "TYPE" in found else {})}


def target(links: Iterable[Path]) -> str | None:
    """The device that the first of these links that is there leads to."""
    return next((os.path.realpath(link) for link in links if link.exists()), None)


def names(device: Device) -> list[str]:
    with _readable(device) as folder:
        found = [path.name for path in folder.iterdir()]
        # What fsck rescued is somebody's data too.
        lost = folder / "lost+found"
        if lost.is_dir():
            found += [f"lost+found/{path.name}" for path in lost.iterdir()]
        return found


@contextmanager
def _readable(device: Device) -> Iterator[Path]:
    if device.mount_points:
        yield Path(device.mount_points[0])
        return
    kinds = "ntfs3,ntfs" if device.fstype == "ntfs" else "ext4"
    with tempfile.TemporaryDirectory() as folder:
        run("mount", "--types", kinds, "--options", "ro", device.path, folder)
        try:
            yield Path(folder)
        finally:
            run("umount", folder)


def make_file_system(device: Device) -> None:
    run("wipefs", "--all", device.path)
    run("mkfs.ext4", "-q", "-L", LABEL, device.path)


def check(device: Device) -> None:
    # 1: mended; 2: a reboot would be needed if it were mounted.
    try:
        run("e2fsck", "-p", device.path, accepted=(0, 1, 2, 3))
    except subprocess.CalledProcessError:
        say(f"{device.path} needs more than a careful repair")
        run("e2fsck", "-f", "-y", device.path, accepted=(0, 1, 2, 3))


def mount(device: Device) -> None:
    Path(MOUNT_POINT).mkdir(parents=True, exist_ok=True)
    run("mount", "--types", "ext4", "--options", "noatime", device.path, MOUNT_POINT)


def take(step: Step) -> bool:
    """Takes one step. True when the local disk is mounted."""
    match step:
        case Assemble(paths):
            run("mdadm", "--assemble", _ARRAY, *paths)
        case Create(paths):
            run(
                *("mdadm", "--create", _ARRAY, f"--name={LABEL}", "--homehost=any", "--run"),
                *("--metadata=1.2", "--level=0", f"--raid-devices={len(paths)}", *paths),
            )
            # Half of an older array's file system may stand at the same place.
            run("wipefs", "--all", _ARRAY)
        case Mount(device) if MOUNT_POINT in device.mount_points:
            return True
        case Mount(device, grow):
            _free(device)
            check(device)
            mount(device)
            if grow:
                run("resize2fs", device.path)
            return True
        case Format(device):
            _free(device)
            make_file_system(device)
            mount(device)
            return True
    return False


def _free(device: Device) -> None:
    for point in device.mount_points:
        run("umount", point)


def keep_cloud_init_away() -> None:
    old = _FSTAB.read_text() if _FSTAB.exists() else ""
    new = without_cloud_init_mount(old)
    if new != old:
        write_atomically(_FSTAB, new.encode(), 0o644)
        # systemd would otherwise mount it again as soon as the device changes.
        run("systemctl", "daemon-reload")


def main() -> None:
    kind = environment()["LOCAL_DISK_KIND"]
    deadline = time.monotonic() + _PATIENCE_SECONDS
    keep_cloud_init_away()
    while True:
        try:
            if take(decide(look(), target(_RESOURCE_LINKS), kind, names, target(_OWN_LINKS))):
                return
        except MissingError as error:
            if time.monotonic() > deadline:
                sys.exit(f"local disk: {error}")
            time.sleep(2)
        except RefusedError as error:
            sys.exit(
                f"local disk: {error}. If nothing on it is needed: wipefs --all on it and its "
                "partitions, then reboot"
            )
        except subprocess.CalledProcessError as error:
            sys.exit(f"local disk: {error}")


if __name__ == "__main__":
    main()
