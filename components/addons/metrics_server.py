"""metrics-server: what nodes and pods use of CPU and memory, for `kubectl top` and autoscalers."""

from __future__ import annotations

from components.addons.manifests import manifests
from components.addons.plan import ClusterFacts, Plan
from components.addons.quantities import cores, memory


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan, sized for the nodes that there may be."""
    wanted = cluster.settings.addons.metrics_server
    if not wanted:
        return None
    # metrics-server's README: a millicore and 2 MiB for every node, and no less than this.
    nodes = max(cluster.nodes_at_most, 100)
    values = {
        "image": cluster.images["metrics-server"],
        "replicas": wanted.replicas,
        "cpu": cores(nodes),
        "memory": memory(2 * nodes),
    }
    return Plan("metrics-server", manifests("metrics-server", values))
