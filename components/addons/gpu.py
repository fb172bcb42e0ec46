"""GPUs as a resource: NVIDIA's device plugin on the nodes that have some."""

from __future__ import annotations

from components.addons.manifests import manifests
from components.addons.plan import ClusterFacts, Plan


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan. Driver and toolkit are the machine's: config/machines/gpu."""
    if not cluster.settings.addons.gpu:
        return None
    values = {"image": cluster.images["nvidia-device-plugin"]}
    return Plan("nvidia-device-plugin", manifests("gpu", values))
