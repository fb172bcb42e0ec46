"""Cluster DNS: CoreDNS, never two on one machine, since Azure limits the look-ups of each (D10)."""

from __future__ import annotations

from math import ceil
from pathlib import Path

from components.addons.manifests import manifests
from components.addons.plan import ClusterFacts, Plan

_COREFILE = (Path(__file__).parent / "dns" / "Corefile").read_text()
_REPLICAS_MIN = 3
# The cluster-proportional-autoscaler's own figure; where every node has a cache, what reaches
# CoreDNS is little more than the first question of each.
_NODES_PER_REPLICA = 16
_CACHED_NODES_PER_REPLICA = 200


def plan(cluster: ClusterFacts) -> Plan:
    """Its plan. Every cluster has it."""
    values = {
        "image": cluster.images["coredns"],
        "address": str(cluster.topology.cluster_dns_ip),
        "corefile": _COREFILE,
        "replicas": replicas(cluster),
    }
    return Plan("dns", manifests("dns", values))


def replicas(cluster: ClusterFacts) -> int:
    """As many as the nodes that there may be call for, and no more than can find a machine.

    The pools' limits decide, not the nodes of the moment: an autoscaler of pods would watch every
    Node for it (E4), and what 2,500 nodes want costs a tenth of a core each.
    """
    cached = cluster.settings.addons.node_local_dns is not None
    each = _CACHED_NODES_PER_REPLICA if cached else _NODES_PER_REPLICA
    wanted = max(_REPLICAS_MIN, ceil(cluster.nodes_at_most / each))
    return min(wanted, cluster.addon_nodes)
