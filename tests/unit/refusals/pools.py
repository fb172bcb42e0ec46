"""Pools of nodes."""

from __future__ import annotations

from config.checks import pools
from tests.unit.refusals import Row

ROWS = {
    "a scale set that starts above its limit": Row(
        pools.scale_set_starts_within_its_limit,
        {"nodePools.cpu.scaleSets.a.nodes": 201},
        "nodePools.cpu.scaleSets.a.nodes",
        ["= 201", "its maxNodes, 200"],
    ),
    "a scale set that keeps more than it may have": Row(
        pools.scale_set_keeps_no_more_than_it_may_have,
        {"nodePools.cpu.scaleSets.a.minNodes": 201},
        "nodePools.cpu.scaleSets.a.minNodes",
        ["= 201", "its maxNodes, 200"],
    ),
    "a label that Kubernetes refuses": Row(
        pools.labels_are_labels,
        {"nodePools.cpu.labels": {"team": "a b"}},
        "nodePools.cpu.labels.team",
        ["= a b"],
    ),
    "a label whose name is too long": Row(
        pools.labels_are_labels,
        {"nodePools.cpu.labels": {"x" * 64: ""}},
        f"nodePools.cpu.labels.{'x' * 64}",
    ),
    "a role label, which NodeRestriction keeps from kubelets": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"node-role.kubernetes.io/worker": ""}},
        "nodePools.cpu.labels.node-role.kubernetes.io/worker",
        ["NodeRestriction"],
    ),
    "a label of the restricted kind, which is meant for others to set": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"node-restriction.kubernetes.io/x": "y"}},
        "nodePools.cpu.labels.node-restriction.kubernetes.io/x",
    ),
    "another host name than the node's": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"kubernetes.io/hostname": "y"}},
        "nodePools.cpu.labels.kubernetes.io/hostname",
    ),
    "a label of the project's own": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"kilonode.io/pool": "gpu"}},
        "nodePools.cpu.labels.kilonode.io/pool",
        ["set by the project itself"],
    ),
    "the label by which the autoscaler knows scale sets that are alike": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"kubernetes.azure.com/agentpool": "gpu"}},
        "nodePools.cpu.labels.kubernetes.azure.com/agentpool",
        ["set by the project itself"],
    ),
    "a taint without an effect": Row(
        pools.taints_are_taints,
        {"nodePools.cpu.taints": ["nvidia.com/gpu=present"]},
        "nodePools.cpu.taints",
        ["key=value:Effect"],
    ),
    "a taint with an effect that there is not": Row(
        pools.taints_are_taints,
        {"nodePools.cpu.taints": ["team=a:NoRun"]},
        "nodePools.cpu.taints",
        ["PreferNoSchedule"],
    ),
    "the same taint twice": Row(
        pools.taints_differ,
        {"nodePools.cpu.taints": ["team=a:NoSchedule", "team=b:NoSchedule"]},
        "nodePools.cpu.taints",
        ["keep one team:NoSchedule"],
    ),
    "no node at all at creation, so none for the cluster's DNS": Row(
        pools.some_node_runs_addons,
        {"nodePools.cpu.scaleSets.a.nodes": 0},
        "nodePools",
        ["= cpu", "the cluster's DNS", "nodes: 1 or more"],
    ),
    "nodes that the cluster's DNS does not tolerate": Row(
        pools.some_node_runs_addons,
        {"nodePools.cpu.taints": ["team=a:NoSchedule"]},
        "nodePools",
        ["CriticalAddonsOnly"],
    ),
    "one tag with two digests among the preloaded images": Row(
        pools.preloaded_images_differ,
        {
            "artifacts.mirror": "https://m.example.com",
            "nodePools.cpu.preload": [f"quay.io/a/b:1@sha256:{digit * 64}" for digit in ("0", "1")],
        },
        "nodePools.cpu.preload",
        ["= quay.io/a/b:1", "2 times"],
    ),
    "preloaded images without a mirror": Row(
        pools.preloaded_images_come_from_somewhere,
        {"nodePools.cpu.preload": [f"quay.io/a/b:1@sha256:{'0' * 64}"]},
        "nodePools.cpu.preload",
        ["artifacts.mirror is not set", "make mirror"],
    ),
}
