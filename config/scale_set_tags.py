"""The tags of a scale set, by which the autoscaler finds it and knows what its nodes will be like
(D18).

Keys are cluster-autoscaler's (cloudprovider/azure/azure_template.go): in what follows them, a slash
is written _, and _ as ~2.
"""

from __future__ import annotations

from config.taints import parsed
from config.topology import NodeSet

_TEMPLATE = "k8s.io_cluster-autoscaler_node-template"
# Docker's root and the kubelet's are on the local disks, not on the OS disk that the autoscaler
# would go by. A file system takes its share, and the kubelet stops before the disk is full.
_USABLE = 0.85

# Besides those for a pool's labels and taints: the most that there are.
OWN_TAGS = 7


def scale_set_tags(cluster: str, node_set: NodeSet) -> dict[str, str]:
    """Its limits, and its nodes' labels, taints and resources."""
    size = node_set.size
    disk_gib = int(size.disk_count * size.disk_gib * _USABLE)
    tags = {
        "kilonode-cluster": cluster,
        "min": str(node_set.min_nodes),
        "max": str(node_set.max_nodes),
        f"{_TEMPLATE}_resources_ephemeral-storage": f"{disk_gib}Gi",
    }
    if size.gpus:
        # Its own list of sizes with GPUs ends before the newest.
        tags[f"{_TEMPLATE}_resources_nvidia.com_gpu"] = str(size.gpus)
    for key, value in node_set.labels.items():
        tags[f"{_TEMPLATE}_label_{_written(key)}"] = value
    for taint in map(parsed, node_set.taints):
        tags[f"{_TEMPLATE}_taint_{_written(taint.key)}"] = f"{taint.value}:{taint.effect}"
    return tags


def _written(key: str) -> str:
    return key.replace("_", "~2").replace("/", "_")
