"""A DNS cache on every node: CoreDNS on a link-local address of the machine (D10)."""

from __future__ import annotations

from components.addons.manifests import manifests
from components.addons.plan import ClusterFacts, Plan
from config.node_files import DNS_CACHE


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan. Plain CoreDNS does: a unit of the machine gives it the address that upstream's own
    program would make, and the kubelet names that address, so there is no service to shadow."""
    wanted = cluster.settings.addons.node_local_dns
    if not wanted:
        return None
    values = {
        "image": cluster.images["coredns"],
        "cache": DNS_CACHE,
        "dns": str(cluster.topology.cluster_dns_ip),
        "ttl": wanted.ttl_seconds,
    }
    return Plan("node-local-dns", manifests("node-local-dns", values))
