"""cluster-autoscaler: nodes come for pods that wait, and go when they are idle (D18)."""

from __future__ import annotations

from components.addons.manifests import manifests
from components.addons.plan import ClusterFacts, Plan
from components.addons.quantities import cores, memory
from config.cluster_totals import totals
from config.workload_identities import CLUSTER_AUTOSCALER

# Of the nodes that there may be, so many are removed at a time, and so many of them drained: far
# below the half that D5 draws the line at, and a whole cluster is still gone within two hours.
_REMOVALS, _DRAINS = 25, 250


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan. It holds all nodes and pods several times over, and simulates with them."""
    wanted = cluster.settings.addons.cluster_autoscaler
    if not wanted:
        return None
    nodes = cluster.nodes_at_most
    most = totals(cluster.settings, at_most=True)
    values = {
        "image": cluster.images["cluster-autoscaler"],
        "cluster": cluster.topology.cluster,
        "subscription": cluster.settings.subscription_id,
        "tenant": cluster.settings.tenant_id,
        "group": cluster.topology.nodes_group,
        "client_id": cluster.client_ids[CLUSTER_AUTOSCALER.name],
        "expander": wanted.expander,
        "unready_percent": wanted.max_unready_percent,
        "unready_nodes": wanted.ok_unready_nodes,
        "removals": max(1, nodes // _REMOVALS),
        "drains": max(1, nodes // _DRAINS),
        "nodes": wanted.max_nodes or most.nodes,
        "cores": wanted.max_cores or most.cores,
        "memory_gib": wanted.max_memory_gib or most.memory_gib,
        "scan": f"{wanted.scan_seconds}s",
        "unneeded": f"{wanted.unneeded_minutes}m",
        "delay": f"{wanted.delay_after_add_minutes}m",
        "provision": f"{wanted.provision_minutes}m",
        "cpu": cores(200 + nodes),
        "memory": memory(512 + 2 * nodes),
    }
    return Plan("cluster-autoscaler", manifests("cluster-autoscaler", values))
