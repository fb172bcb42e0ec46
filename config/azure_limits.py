"""What Azure allows, as data. Stated here once: the settings refuse it at preview, and the local
Azure refuses it where Azure would.

Sources, as of AS_OF: CD = MicrosoftDocs/azure-compute-docs articles/, AD = MicrosoftDocs/azure-docs
articles/, CPA = kubernetes-sigs/cloud-provider-azure, SDK = pulumi_azure_native 3.29. [U] marks
what is common knowledge and was not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

# The day of the sources. A size is retired by this date, not by the day of the run: the same
# settings give the same cluster on every day.
AS_OF = date(2026, 8, 1)

# Facts 3. SDK docstring of osProfile.customData; CD virtual-machines/custom-data.md.
# 64 KiB less one byte, decoded.
CUSTOM_DATA_MAX_BYTES = 65_535

# Facts 4. CD virtual-machine-scale-sets, placement groups: with a marketplace or gallery image.
SCALE_SET_MAX_INSTANCES = 1_000
# Facts 5. Per subscription and region.
VMS_PER_REGION = 25_000
# Facts 4. CPA: six characters follow the prefix in a hostname.
COMPUTER_NAME_PREFIX_MAX_LENGTH = 15
# CD virtual-machines/disks-types.md [U]: of every kind of disk but Ultra and Premium v2.
DATA_DISK_MAX_GIB = 32_767

# Facts 10. AD azure-resource-manager, tag resources.
TAGS_MAX = 50

# Facts 6. AD virtual networks FAQ: the first four addresses and the last one of every subnet.
SUBNET_RESERVED_FIRST = 4
SUBNET_RESERVED_LAST = 1
SUBNET_RESERVED = SUBNET_RESERVED_FIRST + SUBNET_RESERVED_LAST
# Facts 7. AD includes/azure-virtual-network-limits.md.
VNET_MAX_PRIVATE_ADDRESSES = 65_536
NSG_MAX_ADDRESSES_PER_RULE_SIDE = 4_000
# Facts 8. AD nat-gateway: 64,512 ports per address.
NAT_MAX_ADDRESSES = 16
# Facts 8. AD load-balancer probes: at least 5 seconds apart; SDK docstring: at most 30 minutes.
PROBE_MIN_INTERVAL_SECONDS = 5
LOAD_BALANCER_IDLE_MINUTES = (4, 30)

# Facts 7 and 8. Azure's resolver, health probes and agent answer here.
PLATFORM_ADDRESS = IPv4Address("168.63.129.16")
# AD virtual networks FAQ: ranges that no virtual network may use; pods and services may not either.
RESERVED_RANGES: Mapping[str, IPv4Network] = {
    "Azure's resolver and probes": IPv4Network((PLATFORM_ADDRESS, 32)),
    "link-local, the metadata service": IPv4Network("169.254.0.0/16"),
    "loopback": IPv4Network("127.0.0.0/8"),
    "multicast": IPv4Network("224.0.0.0/4"),
    "broadcast": IPv4Network("255.255.255.255/32"),
}

# AD azure-resource-manager, naming rules: both names are global, as parts of a DNS name.
VAULT_NAME_MAX_LENGTH = 24
STORAGE_ACCOUNT_NAME_MAX_LENGTH = 24
# Facts 4. CPA docs topics/assumptions.md.
CLUSTER_NAME_FORBIDDEN_END = "-internal"
# AD azure-resource-manager, errors for reserved resource names: for all that has a public name.
RESERVED_WORDS = ("microsoft", "windows")
RESERVED_FIRST_WORDS = ("login",)

# CD virtual-machines/linux, detailed steps for SSH keys.
SSH_RSA_MIN_BITS = 2_048

# Facts 9. Key Vault, size of a secret [U].
SECRET_MAX_BYTES = 25_600


@dataclass(frozen=True)
class Size:
    """A VM size and what it cannot do.

    generations: Hyper-V generations that boot on it.
    disk_kind: how the local disk arrives; None without one. Where a size has a small SCSI disk
        beside its NVMe disks, the NVMe ones count.
    disk_gib: of each of the disk_count local disks.
    retirement: the day from which it cannot be created.
    substitute: the size that stands in for it.
    """

    name: str
    vcpus: int
    memory_gib: int
    generations: tuple[int, ...] = (1, 2)
    disk_kind: Literal["scsi", "nvme"] | None = "scsi"
    disk_count: int = 1
    disk_gib: int = 0
    premium: bool = True
    accelerated_networking: bool = True
    disk_controller: Literal["SCSI", "NVMe"] = "SCSI"
    gpus: int = 0
    retirement: date | None = None
    substitute: str | None = None

    @property
    def retired(self) -> bool:
        return self.retirement is not None and self.retirement <= AS_OF

    @property
    def image_sku(self) -> str:
        """Of Canonical's ubuntu-24_04-lts offer (facts 12): its generation must be the size's."""
        return "server" if 2 in self.generations else "server-gen1"

    @property
    def os_disk_type(self) -> str:
        """Standard HDD as an OS disk is retired 2028-09-08, so SSD in any case (facts 1)."""
        return "Premium_LRS" if self.premium else "StandardSSD_LRS"


# Facts 1 and 2. CD virtual-machines/sizes, each series' page; retirement dates from
# CD virtual-machines/sizes/retirement/retired-sizes-list.md and AD virtual-machines/
# nc-series-retirement.md. Accelerated networking: facts 6, all but NC24 [U].
_SIZES = (
    # D1: the documents' CPU nodes. An isolated host; announced 2025-03-31.
    Size(
        "Standard_D15_v2",
        vcpus=20,
        memory_gib=140,
        generations=(1,),
        disk_gib=1000,
        premium=False,
        retirement=date(2028, 5, 1),
        substitute="Standard_E20ds_v5",
    ),
    # D1: the documents' GPU nodes, four K80. The substitute has as many GPUs.
    Size(
        "Standard_NC24",
        vcpus=24,
        memory_gib=224,
        generations=(1,),
        disk_gib=1440,
        premium=False,
        accelerated_networking=False,
        gpus=4,
        retirement=date(2023, 9, 6),
        substitute="Standard_NC64as_T4_v3",
    ),
    Size("Standard_E20ds_v5", vcpus=20, memory_gib=160, disk_gib=750),
    Size("Standard_D2ds_v5", vcpus=2, memory_gib=8, disk_gib=75),
    Size("Standard_D4ds_v5", vcpus=4, memory_gib=16, disk_gib=150),
    Size("Standard_D16ds_v5", vcpus=16, memory_gib=64, disk_gib=600),
    Size("Standard_D16ads_v5", vcpus=16, memory_gib=64, disk_gib=600),
    # No local disk: known so that the settings can say why it is refused.
    Size("Standard_D16s_v5", vcpus=16, memory_gib=64, disk_kind=None, disk_count=0),
    Size(
        "Standard_E20ds_v6",
        vcpus=20,
        memory_gib=160,
        generations=(2,),
        disk_kind="nvme",
        disk_count=2,
        disk_gib=550,
        disk_controller="NVMe",
    ),
    Size(
        "Standard_D16ds_v6",
        vcpus=16,
        memory_gib=64,
        generations=(2,),
        disk_kind="nvme",
        disk_count=2,
        disk_gib=440,
        disk_controller="NVMe",
    ),
    Size(
        "Standard_D32ds_v6",
        vcpus=32,
        memory_gib=128,
        generations=(2,),
        disk_kind="nvme",
        disk_count=4,
        disk_gib=440,
        disk_controller="NVMe",
    ),
    # Local disks of 480 GB; NVMe as the only disk controller [U].
    Size(
        "Standard_L8s_v4",
        vcpus=8,
        memory_gib=64,
        generations=(2,),
        disk_kind="nvme",
        disk_count=4,
        disk_gib=447,
        disk_controller="NVMe",
    ),
    # 1.92 TB of NVMe, and a SCSI disk of 80 GiB beside it.
    Size("Standard_L8s_v3", vcpus=8, memory_gib=64, disk_kind="nvme", disk_gib=1788),
    Size("Standard_NC64as_T4_v3", vcpus=64, memory_gib=440, disk_gib=2816, gpus=4),
    # NVMe, and a SCSI disk of 64 GiB beside it; no capacity for new customers.
    Size(
        "Standard_NC24ads_A100_v4",
        vcpus=24,
        memory_gib=220,
        generations=(2,),
        disk_kind="nvme",
        disk_gib=958,  # [U]
        gpus=1,
    ),
    Size(
        "Standard_NC40ads_H100_v5",
        vcpus=40,
        memory_gib=320,
        generations=(2,),
        disk_kind="nvme",
        disk_gib=3576,
        gpus=1,
    ),
)

SIZES: Mapping[str, Size] = {size.name: size for size in _SIZES}


def usable_addresses(subnet: IPv4Network) -> int:
    """How many machines a subnet holds."""
    return max(0, subnet.num_addresses - SUBNET_RESERVED)
