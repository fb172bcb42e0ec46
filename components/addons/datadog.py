"""Datadog: an agent on every node that asks its own kubelet, and one that asks the API (D7)."""

from __future__ import annotations

import base64
import hashlib

from components.addons.manifests import manifests
from components.addons.plan import Cluster, Plan


def plan(cluster: Cluster) -> Plan | None:
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
        "token": _encoded(_digest("cluster-agent", api_key)),
        # Agents read it when they start, so another key starts them anew.
        "key_hash": _digest("annotation", api_key)[:16],
    }
    return Plan("datadog", manifests("datadog", values))


def _digest(use: str, api_key: str) -> str:
    return hashlib.sha256(f"{use}:{api_key}".encode()).hexdigest()


def _encoded(text: str) -> str:
    """As a Secret holds it; its `stringData` is not told again, so a refresh would miss it."""
    return base64.b64encode(text.encode()).decode()
