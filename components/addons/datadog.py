"""Datadog: an agent on every node that asks its own kubelet, and one that asks the API (D7)."""

from __future__ import annotations

import base64
import hashlib

from components.addons.manifests import config_hash, manifests
from components.addons.plan import ClusterFacts, Plan


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan; that there is a key was checked with the settings."""
    wanted, key = cluster.settings.addons.datadog, cluster.settings.datadog_api_key
    if not wanted or not key:
        return None
    api_key = key.get_secret_value()
    values = {
        "agent": cluster.images["datadog-agent"],
        "cluster_agent": cluster.images["datadog-cluster-agent"],
        "cluster": cluster.topology.cluster,
        "site": wanted.site,
        "events": str(wanted.events).lower(),
        "api_key": _encoded(api_key),
        # By it agents and cluster agent know each other: nobody else knows the key.
        "token": _encoded(hashlib.sha256(f"cluster-agent:{api_key}".encode()).hexdigest()),
        "key_hash": config_hash(f"annotation:{api_key}"),
    }
    return Plan("datadog", manifests("datadog", values))


def _encoded(text: str) -> str:
    """As a Secret holds it; its `stringData` is not told again, so a refresh would miss it."""
    return base64.b64encode(text.encode()).decode()
