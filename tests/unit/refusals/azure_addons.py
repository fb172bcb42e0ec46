"""Add-ons that act on Azure."""

from __future__ import annotations

from config.checks import azure_addons
from tests.unit.refusals import Row

SYSTEM = {
    "size": "Standard_D4ds_v5",
    "scaleSets": {"a": {"nodes": 1, "maxNodes": 1}},
    "labels": {"kubernetes.azure.com/mode": "system"},
    "taints": ["CriticalAddonsOnly=true:NoSchedule"],
}
CLOUD = {"nodePools.system": SYSTEM, "addons.cloudControllerManager": {}}
AUTOSCALER = "addons.clusterAutoscaler"

ROWS = {
    "an autoscaler whose removed nodes would stay": Row(
        azure_addons.nodes_without_a_vm_leave,
        {"nodePools.system": SYSTEM, AUTOSCALER: {}},
        AUTOSCALER,
        ["together with addons.cloudControllerManager", "add cloudControllerManager: {}"],
    ),
    "an Azure identity beside ordinary pods": Row(
        azure_addons.azure_identities_have_nodes_of_their_own,
        {"addons.cloudControllerManager": {}},
        "nodePools",
        ["cloud-controller-manager", "kubernetes.azure.com/mode: system", "Pulumi.prod.yaml"],
    ),
    "a system pool that begins without a node": Row(
        azure_addons.azure_identities_have_nodes_of_their_own,
        {**CLOUD, "nodePools.system": {**SYSTEM, "scaleSets": {"a": {"nodes": 0, "maxNodes": 1}}}},
        "nodePools",
        ["a node at creation"],
    ),
    "a system pool that ordinary pods run on too": Row(
        azure_addons.azure_identities_have_nodes_of_their_own,
        {**CLOUD, "nodePools.system": {**SYSTEM, "taints": []}},
        "nodePools",
        ["the taint CriticalAddonsOnly=true:NoSchedule"],
    ),
    "a brake that never acts": Row(
        azure_addons.brake_can_act,
        {**CLOUD, AUTOSCALER: {"okUnreadyNodes": 202}},
        f"{AUTOSCALER}.okUnreadyNodes",
        ["= 202", "404 nodes and masters", "202; otherwise the brake never acts (D5)"],
    ),
    "fewer nodes in all than at creation": Row(
        azure_addons.totals_hold_what_is_created,
        {**CLOUD, AUTOSCALER: {"maxNodes": 6}},
        f"{AUTOSCALER}.maxNodes",
        ["= 6", "at creation, 7", "raise maxNodes"],
    ),
    "fewer cores in all than at creation": Row(
        azure_addons.totals_hold_what_is_created,
        {**CLOUD, AUTOSCALER: {"maxCores": 111}},
        f"{AUTOSCALER}.maxCores",
        ["= 111", "at creation, 112"],
    ),
    "premium disks for a size that takes none": Row(
        azure_addons.disks_fit_the_sizes,
        {
            **CLOUD,
            "addons.azureDisk": {"skus": ["Premium_LRS"]},
            "nodePools.cpu.size": "Standard_D15_v2",
        },
        "addons.azureDisk.skus",
        ["= Premium_LRS", "Standard_D15_v2 of nodePools.cpu", "use StandardSSD_LRS"],
    ),
    "a kind of disk twice, whose StorageClass would be there twice": Row(
        azure_addons.kinds_of_disk_differ,
        {**CLOUD, "addons.azureDisk": {"skus": ["Premium_LRS", "StandardSSD_LRS", "Premium_LRS"]}},
        "addons.azureDisk.skus",
        ["every one once", "list Premium_LRS once"],
    ),
    "more labels than a scale set has tags": Row(
        azure_addons.tags_are_few_enough,
        {"nodePools.cpu.labels": {f"label-{number}": "" for number in range(44)}},
        "nodePools.cpu.labels",
        ["= 44", "at most 43", "Azure allows 50"],
    ),
}
