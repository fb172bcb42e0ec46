"""What a cluster adds up to."""

from __future__ import annotations

from dataclasses import dataclass

from config.azure_limits import SIZES
from config.schema.stack import Settings
from config.topology import effective_size


@dataclass(frozen=True)
class Totals:
    """Nodes and masters, which the autoscaler counts alike; their vCPUs and memory."""

    nodes: int
    cores: int
    memory_gib: int


def totals(settings: Settings, *, at_most: bool) -> Totals:
    """Of the cluster at creation, or once every scale set is as large as it may be.

    A size that nobody knows has nothing; other rules refuse it.
    """
    counted = [
        (one.max_nodes if at_most else one.nodes, one.size or pool.size)
        for pool in settings.node_pools.values()
        for one in pool.scale_sets.values()
    ]
    counted.append((len(settings.masters.members), settings.masters.size))
    sizes = [(count, effective_size(name)) for count, name in counted if name in SIZES]
    return Totals(
        nodes=sum(count for count, _ in counted),
        cores=sum(count * size.vcpus for count, size in sizes),
        memory_gib=sum(count * size.memory_gib for count, size in sizes),
    )
