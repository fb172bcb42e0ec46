"""Which of a machine's disks is its local disk, and what to do to it. Pure: decides, does nothing.

Local disks are disposable, but not everything that looks like one is ours. A disk is formatted
only if it is raw or what Azure and cloud-init make of a fresh one; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LABEL = "kilonode-local"
MOUNT_POINT = "/mnt/local"
# Where cloud-init's Azure defaults mount the resource disk.
CLOUD_INIT_MOUNT_POINT = "/mnt"
# The file system's type of a device that answers with an error: what it holds is not known.
UNREADABLE = "unreadable"

_NVME_MODEL = "Microsoft NVMe Direct Disk"
# Azure delivers NTFS with the warning in it; cloud-init's ext4 gets the same warning on Ubuntu.
_HARMLESS = {"DATALOSS_WARNING_README.txt", "System Volume Information", "lost+found"}


class RefusedError(Exception):
    """The disk holds something that is not ours, or is not used the way it should be."""


class MissingError(Exception):
    """The disk is not there, or not yet."""


@dataclass(frozen=True)
class Device:
    """A block device as `lsblk --json` tells it; `children` are partitions or an array on it."""

    path: str
    type: str
    fstype: str | None
    label: str | None
    pttype: str | None
    model: str
    mount_points: tuple[str, ...]
    children: tuple[Device, ...]

    @property
    def is_raw(self) -> bool:
        # Of a partition, lsblk tells the table that it is part of.
        table = self.pttype if self.type != "part" else None
        return self.fstype is None and table is None and not self.children

    def __str__(self) -> str:
        content = self.fstype or (f"{self.pttype} partitions" if self.pttype else "no file system")
        label = f" labelled {self.label!r}" if self.label else ""
        return f"{self.path} ({content}{label})"


@dataclass(frozen=True)
class Mount:
    """Ours already: check and mount it. `grow`: the disk may have become larger."""

    device: Device
    grow: bool = False


@dataclass(frozen=True)
class Format:
    """Fresh: make our file system."""

    device: Device


@dataclass(frozen=True)
class Assemble:
    """The array of an earlier boot: assemble it and look again."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class Create:
    """Several fresh NVMe disks: make one array (RAID 0) and look again."""

    paths: tuple[str, ...]


Step = Mount | Format | Assemble | Create
Listing = Callable[[Device], Iterable[str]]


def parse(lsblk: Mapping[str, Any]) -> tuple[Device, ...]:
    """The tree that `lsblk --json` printed with the columns that `Device` names."""
    return tuple(_device(entry) for entry in lsblk["blockdevices"])


def decide(
    tree: Sequence[Device], resource: str | None, kind: str, names: Listing, own: str | None = None
) -> Step:
    """The next step towards a mounted local disk.

    resource: what the link to the SCSI resource disk leads to, None without one. own: the same of
    the disk at LUN 0. kind: `nvme` or `scsi`, the size's; or `persistent`, the machine's own disk,
    which takes the place of any local one. names: the names in a file system's top folder and in
    its lost+found.
    Raises RefusedError, or MissingError if waiting may help.
    """
    if kind == "persistent":
        return _persistent([device for device in _walk(tree) if device.path == own])
    nvme = [disk for disk in tree if disk.type == "disk" and disk.model.startswith(_NVME_MODEL)]
    for disk in nvme:
        _check_readable(disk)
    if len(nvme) > 1:
        return _array(nvme, names)
    if nvme:
        return _single(nvme[0], names)
    if kind == "nvme":
        # Never the small SCSI disk that some sizes have beside NVMe: it is not what was planned.
        raise MissingError(f"no disk of model {_NVME_MODEL!r}, which this size should have")
    found = [device for device in _walk(tree) if device.path == resource]
    if not found:
        raise MissingError("no resource disk: its link is missing or leads nowhere")
    _check_readable(found[0])
    return _single(found[0], names)


def _check_readable(disk: Device) -> None:
    """It may answer later; until then nobody knows whether it is blank."""
    for device in (disk, *disk.children):
        if device.fstype == UNREADABLE:
            raise MissingError(f"{device.path} cannot be read")


def _persistent(found: Sequence[Device]) -> Step:
    """Formatted only if nothing was ever on it: it is kept for the data of earlier lives."""
    if not found:
        raise MissingError("no disk at LUN 0, where this machine's own should be")
    disk = found[0]
    _check_readable(disk)
    if set(disk.mount_points) - {MOUNT_POINT}:
        raise RefusedError(f"will not touch {disk}: it is mounted on {min(disk.mount_points)}")
    if (disk.fstype, disk.label) == ("ext4", LABEL):
        return Mount(disk, grow=True)
    if disk.is_raw:
        return Format(disk)
    raise RefusedError(f"will not format {disk}: it was used before, and not by this project")


def _array(disks: Sequence[Device], names: Listing) -> Step:
    """RAID 0 over all disks. Without one of its disks nothing in an array can be read any more."""
    arrays = {child.path: child for disk in disks for child in disk.children}
    if len(arrays) == 1 and all(array.type == "raid0" for array in arrays.values()):
        return _single(next(iter(arrays.values())), names)
    foreign = [disk for disk in disks if not disk.is_raw and (disk.children or not _is_ours(disk))]
    if foreign:
        shown = ", ".join(map(str, foreign))
        raise RefusedError(f"will not format {shown}: not fresh and not ours")
    paths = tuple(disk.path for disk in disks)
    return Assemble(paths) if all(map(_is_ours, disks)) else Create(paths)


def _is_ours(disk: Device) -> bool:
    """Part of our array; its label is HOST:NAME, with `any` for the host."""
    return disk.fstype == "linux_raid_member" and (disk.label or "").split(":")[-1] == LABEL


def _single(disk: Device, names: Listing) -> Step:
    if len(disk.children) > 1:
        raise RefusedError(f"will not format {disk}: it has {len(disk.children)} partitions")
    device = disk.children[0] if disk.children else disk
    elsewhere = set(device.mount_points) - {MOUNT_POINT, CLOUD_INIT_MOUNT_POINT}
    if elsewhere:
        raise RefusedError(f"will not touch {device}: it is mounted on {min(elsewhere)}")
    if (device.fstype, device.label) == ("ext4", LABEL):
        return Mount(device)
    if device.is_raw:
        return Format(device)
    if (device.fstype, device.label) not in {("ntfs", "Temporary Storage"), ("ext4", None)}:
        raise RefusedError(f"will not format {device}: not fresh and not ours")
    foreign = sorted(set(names(device)) - _HARMLESS)
    if foreign:
        shown = ", ".join(foreign[:5])
        raise RefusedError(f"will not format {device}: it holds {len(foreign)} names: {shown}")
    return Format(device)


def _walk(tree: Iterable[Device]) -> Iterator[Device]:
    for device in tree:
        yield device
        yield from _walk(device.children)


def _device(entry: Mapping[str, Any]) -> Device:
    return Device(
        path=entry["path"],
        type=entry["type"],
        fstype=entry["fstype"],
        label=entry["label"],
        pttype=entry["pttype"],
        model=(entry["model"] or "").strip(),
        mount_points=tuple(point for point in entry["mountpoints"] if point),
        children=tuple(_device(child) for child in entry.get("children", ())),
    )
