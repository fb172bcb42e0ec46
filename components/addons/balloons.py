"""Balloons: pods worth less than any other, which keep room on nodes that are there (E9)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from components.addons.manifests import manifests
from components.addons.plan import ClusterFacts, Plan
from components.addons.quantities import cores, memory
from config.allocatable import allocatable
from config.azure_limits import Size
from config.schema.addons import Balloons
from config.taints import parsed


def plan(cluster: ClusterFacts) -> Plan | None:
    """A Deployment for every pool that is to have some."""
    wanted = cluster.settings.addons.balloons
    if not wanted:
        return None
    found = manifests("balloons", {})
    for pool, balloons in wanted.items():
        values = {
            "pool": pool,
            "count": balloons.count,
            "image": cluster.images["pause"],
            "resources": _resources(_smallest(cluster, pool), balloons),
            # The API drops an empty list, and every refresh would miss it.
            "tolerations": _tolerations(cluster.settings.node_pools[pool].taints) or None,
        }
        found += manifests("balloons/pool", values)
    return Plan("balloons", found)


def _smallest(cluster: ClusterFacts, pool: str) -> Size:
    """Of the pool's sizes, so that a balloon fits on each."""
    sizes = [one.size for one in cluster.topology.node_sets if one.pool == pool]
    return min(sizes, key=lambda size: (size.vcpus, size.memory_gib))


def _resources(size: Size, balloons: Balloons) -> dict[str, str]:
    percent = balloons.percent_of_node
    room = allocatable(size, percent)
    found = {"cpu": cores(room.millicores), "memory": memory(room.mib)}
    gpus = ceil(size.gpus * percent / 100)
    return found | ({"nvidia.com/gpu": str(gpus)} if gpus else {})


def _tolerations(taints: Sequence[str]) -> list[dict[str, str]]:
    """Of the pool's own taints and no others: a node that is to be empty stays so."""
    return [
        {
            "key": taint.key,
            "operator": "Equal",
            # The API drops an empty one, too.
            **({"value": taint.value} if taint.value else {}),
            "effect": taint.effect,
        }
        for taint in map(parsed, taints)
    ]
