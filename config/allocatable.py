"""What a node of a size has for pods."""

from __future__ import annotations

from dataclasses import dataclass

from config.azure_limits import Size

# What config/node_files.py reserves on each node, and what a kernel and the kubelet's eviction keep
# of a machine's memory besides.
_RESERVED_MILLICORES = 200
_RESERVED_MIB = 1024 + 100
_MEMORY_SHARE = 0.95
# The most that a pod may count on, in percent of it: every node has daemons of its own.
PERCENT_FOR_ONE_POD = 90


@dataclass(frozen=True)
class Room:
    """CPU in millicores and memory in MiB."""

    millicores: int
    mib: int


def allocatable(size: Size, percent: int = 100) -> Room:
    """That share of what the kubelet of such a machine offers to pods."""
    share = percent / 100
    return Room(
        millicores=int((size.vcpus * 1000 - _RESERVED_MILLICORES) * share),
        mib=int((size.memory_gib * 1024 * _MEMORY_SHARE - _RESERVED_MIB) * share),
    )
