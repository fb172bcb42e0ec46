"""Azure disk CSI driver: volumes on managed disks."""

from __future__ import annotations

import json

from components.addons.cloud_controller_manager import azure_config
from components.addons.manifests import config_hash, manifests
from components.addons.plan import ClusterFacts, Plan
from components.addons.quantities import memory
from config.workload_identities import AZURE_DISK


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan; a StorageClass for each kind of disk, the first being the default."""
    wanted = cluster.settings.addons.azure_disk
    if not wanted:
        return None
    config = json.dumps(azure_config(cluster.settings, cluster.topology), indent=2)
    values = {
        "driver": cluster.images["azure-disk"],
        "provisioner": cluster.images["csi-provisioner"],
        "attacher": cluster.images["csi-attacher"],
        "resizer": cluster.images["csi-resizer"],
        "liveness_probe": cluster.images["csi-liveness-probe"],
        "registrar": cluster.images["csi-node-driver-registrar"],
        "tenant": cluster.settings.tenant_id,
        "client_id": cluster.client_ids[AZURE_DISK.name],
        "config": config,
        "config_hash": config_hash(config),
        "memory": memory(256 + cluster.nodes_at_most // 4),
    }
    classes = [
        one
        for number, (name, sku) in enumerate(wanted.classes.items())
        for one in manifests(
            "azure-disk/class", {"name": name, "sku": sku, "default": str(number == 0).lower()}
        )
    ]
    return Plan("azure-disk", [*manifests("azure-disk", values), *classes])
