"""Which disk becomes the local disk, from recorded `lsblk --json` trees."""

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from kilonode import local_disk
from kilonode.disk_choice import (
    UNREADABLE,
    Assemble,
    Create,
    Device,
    Format,
    Listing,
    MissingError,
    Mount,
    RefusedError,
    Step,
    decide,
    parse,
)
from kilonode.local_disk import without_cloud_init_mount

TREES = Path(__file__).parent / "lsblk"
README = "DATALOSS_WARNING_README.txt"
FOUR_DISKS = ("/dev/nvme1n1", "/dev/nvme2n1", "/dev/nvme3n1", "/dev/nvme4n1")


def tree(name: str) -> tuple[Device, ...]:
    return parse(json.loads((TREES / f"{name}.json").read_text()))


def holding(*names: str) -> Listing:
    def listing(device: Device) -> Iterable[str]:
        return names

    return listing


def never_listed(device: Device) -> Iterable[str]:
    raise AssertionError(f"{device} need not be looked into")


def scsi(name: str, listing: Listing = never_listed, link: str = "/dev/sdb") -> Step:
    return decide(tree(name), link, "scsi", listing)


def nvme(name: str, listing: Listing = never_listed) -> Step:
    return decide(tree(name), "/dev/sdb", "nvme", listing)


def path_of(step: Step) -> str:
    assert isinstance(step, Mount | Format)
    return step.device.path


def test_azures_fresh_ntfs_partition_is_formatted() -> None:
    step = scsi("d15_v2-fresh", holding(README, "System Volume Information"))
    assert isinstance(step, Format)
    assert path_of(step) == "/dev/sdb1"


def test_the_empty_ext4_of_cloud_init_is_formatted_though_mounted_on_mnt() -> None:
    step = scsi("d15_v2-after-cloud-init", holding("lost+found", README))
    assert isinstance(step, Format)
    assert path_of(step) == "/dev/sdb1"


def test_a_raw_resource_disk_is_formatted() -> None:
    step = scsi("d15_v2-raw")
    assert isinstance(step, Format)
    assert path_of(step) == "/dev/sdb"


def test_a_loop_device_with_a_file_system_and_no_partition_serves_as_resource_disk() -> None:
    step = scsi("loop-after-cloud-init", holding("lost+found"), "/dev/loop3")
    assert isinstance(step, Format)
    assert path_of(step) == "/dev/loop3"


def test_our_own_file_system_is_mounted_whatever_name_the_disk_got_this_time() -> None:
    step = scsi("e20ds_v5-ours", link="/dev/sda")
    assert isinstance(step, Mount)
    assert path_of(step) == "/dev/sda1"


def test_nvme_comes_before_the_small_scsi_disk_that_a_size_has_beside_it() -> None:
    step = nvme("l8s_v3-fresh")
    assert isinstance(step, Format)
    assert path_of(step) == "/dev/nvme0n1"


def test_a_size_with_nvme_never_falls_back_to_its_small_scsi_disk() -> None:
    with pytest.raises(MissingError, match="Microsoft NVMe Direct Disk"):
        nvme("l8s_v3-no-nvme-yet")


def test_remote_nvme_disks_are_not_local_ones() -> None:
    system_disk_only = tree("l8s_v4-raw")[:1]
    with pytest.raises(MissingError):
        decide(system_disk_only, None, "nvme", never_listed)


def test_several_raw_nvme_disks_become_one_array() -> None:
    assert nvme("l8s_v4-raw") == Create(FOUR_DISKS)


def test_the_array_of_an_earlier_boot_is_assembled_before_anything_is_created() -> None:
    assert nvme("l8s_v4-members") == Assemble(FOUR_DISKS)


def test_an_assembled_array_is_mounted() -> None:
    step = nvme("l8s_v4-assembled")
    assert isinstance(step, Mount)
    assert path_of(step) == "/dev/md127"


def test_an_array_without_a_file_system_yet_is_formatted() -> None:
    disks = [
        replace(disk, children=(replace(disk.children[0], fstype=None, label=None),))
        for disk in tree("l8s_v4-assembled")[1:]
    ]
    step = decide(disks, None, "nvme", never_listed)
    assert isinstance(step, Format)
    assert path_of(step) == "/dev/md127"


def test_an_array_that_lost_a_disk_is_created_again() -> None:
    disks = [*tree("l8s_v4-raw")[1:2], *tree("l8s_v4-members")[2:]]
    assert decide(disks, None, "nvme", never_listed) == Create(FOUR_DISKS)


def test_somebody_elses_array_is_refused() -> None:
    disks = [replace(disk, label="db1:data") for disk in tree("l8s_v4-members")[1:]]
    with pytest.raises(RefusedError, match=r"/dev/nvme1n1 .*'db1:data'"):
        decide(disks, None, "nvme", never_listed)


def test_a_resource_disk_in_use_elsewhere_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"/dev/sdb1 .* mounted on /data"):
        scsi("data-on-resource-disk")


@pytest.mark.parametrize(
    ("fstype", "label"),
    [
        ("xfs", None),
        ("ext4", "data"),
        ("ntfs", "Data"),
        ("LVM2_member", None),
        ("swap", None),
        ("crypto_LUKS", None),
    ],
)
def test_what_is_neither_fresh_nor_ours_is_refused(fstype: str, label: str | None) -> None:
    disk = tree("data-on-resource-disk")[1]
    partition = replace(disk.children[0], mount_points=(), fstype=fstype, label=label)
    with pytest.raises(RefusedError, match=rf"/dev/sdb1 \({fstype}.*not fresh and not ours"):
        decide([replace(disk, children=(partition,))], "/dev/sdb", "scsi", never_listed)


@pytest.mark.parametrize("name", ["d15_v2-fresh", "d15_v2-after-cloud-init"])
@pytest.mark.parametrize("found", ["results.csv", "lost+found/#12"])
def test_a_fresh_looking_file_system_with_a_file_in_it_is_refused(name: str, found: str) -> None:
    with pytest.raises(RefusedError, match=r"/dev/sdb1 .*1 names: ") as refusal:
        scsi(name, holding(README, "lost+found", found))
    assert found in str(refusal.value)


def test_two_partitions_are_refused() -> None:
    disk = tree("d15_v2-fresh")[1]
    disk = replace(disk, children=disk.children * 2)
    with pytest.raises(RefusedError, match="2 partitions"):
        decide([disk], "/dev/sdb", "scsi", never_listed)


def test_a_partition_without_a_file_system_is_a_format_that_was_interrupted() -> None:
    disk = tree("d15_v2-fresh")[1]
    disk = replace(disk, children=(replace(disk.children[0], fstype=None, label=None),))
    assert isinstance(decide([disk], "/dev/sdb", "scsi", never_listed), Format)


@pytest.mark.parametrize("resource", [None, "/dev/sdz"])
def test_a_missing_resource_disk_is_waited_for(resource: str | None) -> None:
    with pytest.raises(MissingError):
        decide(tree("d15_v2-fresh"), resource, "scsi", never_listed)


@pytest.mark.parametrize("unreadable", [0, 3])
def test_an_nvme_disk_that_cannot_be_read_is_waited_for_and_never_formatted(
    unreadable: int,
) -> None:
    """Nor is an array made of the others: they may hold one already."""
    disks = list(tree("l8s_v4-raw")[1:])
    disks[unreadable] = replace(disks[unreadable], fstype=UNREADABLE)
    with pytest.raises(MissingError, match=disks[unreadable].path):
        decide(disks, None, "nvme", never_listed)


def test_a_resource_disk_that_cannot_be_read_is_waited_for_and_never_formatted() -> None:
    disks = [replace(disk, fstype=UNREADABLE) for disk in tree("d15_v2-raw")]
    with pytest.raises(MissingError, match="/dev/sdb cannot be read"):
        decide(disks, "/dev/sdb", "scsi", never_listed)


def test_a_read_error_is_not_a_blank_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """blkid ends with the same code for both. /proc/self/mem opens, and its start answers EIO."""
    blank = tmp_path / "blank"
    blank.write_bytes(bytes(1 << 20))
    names = ["/proc/self/mem", str(blank)]
    entry: dict[str, object] = {"type": "disk", "model": None, "mountpoints": []}
    listed = {"blockdevices": [{**entry, "path": name} for name in names]}
    for program, output in (("udevadm", ""), ("lsblk", json.dumps(listed))):
        (tmp_path / program).write_text(f"#!/bin/sh\necho '{output}'\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    bad, good = local_disk.look()
    assert bad.fstype == UNREADABLE
    assert good.is_raw


def test_only_cloud_inits_own_line_for_mnt_leaves_fstab() -> None:
    kept = "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n/dev/sdc1 /mnt ext4 defaults 0 2\n"
    cloud_init = (
        "/dev/disk/cloud/azure_resource-part1\t/mnt\tauto\tdefaults,nofail,"
        "x-systemd.after=cloud-init-network.service,_netdev,comment=cloudconfig\t0\t2\n"
    )
    neutralised = without_cloud_init_mount(kept + cloud_init)
    assert neutralised == f"{kept}# {cloud_init}"
    assert without_cloud_init_mount(neutralised) == neutralised


def own(device: Device) -> Step:
    """The decision on a machine of its own disk beside a SCSI resource disk."""
    return decide(
        (*tree("d15_v2-fresh"), device), "/dev/sdb", "persistent", never_listed, "/dev/sdc"
    )


RAW = Device("/dev/sdc", "disk", None, None, None, "Virtual_Disk", (), ())


def test_a_disk_of_the_machines_own_is_formatted_when_it_is_raw_and_the_local_one_is_left() -> None:
    step = own(RAW)
    assert isinstance(step, Format)
    assert path_of(step) == "/dev/sdc"


def test_a_disk_of_the_machines_own_with_an_earlier_lifes_data_is_mounted_and_may_have_grown() -> (
    None
):
    assert own(replace(RAW, fstype="ext4", label="kilonode-local")) == Mount(
        replace(RAW, fstype="ext4", label="kilonode-local"), grow=True
    )


@pytest.mark.parametrize(
    "used",
    [
        replace(RAW, fstype="ext4"),
        replace(RAW, fstype="ntfs", label="Temporary Storage"),
        replace(RAW, pttype="gpt"),
        replace(RAW, fstype="ext4", label="kilonode-local", mount_points=("/srv",)),
    ],
    ids=str,
)
def test_a_disk_of_the_machines_own_is_never_taken_for_a_fresh_one(used: Device) -> None:
    """Unlike a local disk, it does not come with anything on it."""
    with pytest.raises(RefusedError):
        own(used)


def test_without_its_own_disk_a_machine_never_takes_the_local_one() -> None:
    with pytest.raises(MissingError, match="LUN 0"):
        decide(tree("l8s_v4-raw"), "/dev/sdb", "persistent", never_listed, None)
