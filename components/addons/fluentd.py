"""Fluentd on every node: containers' logs, without a question to the API (D7)."""

from __future__ import annotations

from components.addons.manifests import config_hash, manifests
from components.addons.plan import ClusterFacts, Plan
from config.stack_file import REPOSITORY

CONFIGURATION = REPOSITORY / "config" / "monitoring" / "fluentd.conf"


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan, with the receiver that the settings name."""
    wanted = cluster.settings.addons.fluentd
    if not wanted:
        return None
    host, _, port = wanted.forward_to.rpartition(":")
    text = CONFIGURATION.read_text()
    values = {
        "image": cluster.images["fluentd"],
        "configuration": text,
        "config_hash": config_hash(text),
        "cluster": cluster.topology.cluster,
        "host": host,
        "port": port,
        "transport": "tls" if wanted.tls else "tcp",
        "buffer": str(wanted.buffer_mib),
    }
    return Plan("fluentd", manifests("fluentd", values))
