"""The add-ons that act on Azure: as whom, and what each of them may do.

Actions are Azure's own names of its operations (MicrosoftDocs/azure-docs, articles/role-based-
access-control/resource-provider-operations). What a request only refers to counts too: who writes
a scale set needs leave to use its subnet and its identity (kubernetes/autoscaler issue 4847). And
what a request begins is asked after at an address of its own, with an action of its own
(kubernetes-sigs/cloud-provider-azure, content/en/topics/azure-permissions.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.schema.stack import Settings

NAMESPACE = "kube-system"

# Where a right holds: the resource group of the nodes, the nodes' subnet and its security group,
# the virtual network, the nodes' identity.
Place = Literal["nodes", "subnet", "firewall", "network", "identity"]


@dataclass(frozen=True)
class Right:
    """What may be done at a place, where a workload has one right. name: says what for."""

    name: str
    actions: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Workload:
    """A program in the cluster with an Azure identity of its own. account: its ServiceAccount."""

    name: str
    account: str
    rights: tuple[Right, ...]

    @property
    def subject(self) -> str:
        """Its name in the tokens that the cluster issues."""
        return f"system:serviceaccount:{NAMESPACE}:{self.account}"


_SCALE_SETS = "Microsoft.Compute/virtualMachineScaleSets"
_JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
# What has become of a request on machines.
_OUTCOME = "Microsoft.Compute/locations/operations/read"
_USE_IDENTITY = Right(
    "uses the nodes' identity",
    ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",),
    "identity",
)

CLOUD_CONTROLLER_MANAGER = Workload(
    "cloud-controller-manager",
    "cloud-controller-manager",
    (
        Right(
            "looks nodes up and balances load over them",
            (
                f"{_SCALE_SETS}/read",
                f"{_SCALE_SETS}/virtualMachines/read",
                f"{_SCALE_SETS}/virtualMachines/networkInterfaces/read",
                "Microsoft.Compute/virtualMachines/read",
                "Microsoft.Network/loadBalancers/read",
                "Microsoft.Network/loadBalancers/write",
                "Microsoft.Network/loadBalancers/delete",
                "Microsoft.Network/loadBalancers/backendAddressPools/read",
                "Microsoft.Network/loadBalancers/backendAddressPools/write",
                "Microsoft.Network/loadBalancers/backendAddressPools/delete",
                "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
                "Microsoft.Network/privateLinkServices/read",
                "Microsoft.Network/publicIPAddresses/read",
                "Microsoft.Network/publicIPAddresses/write",
                "Microsoft.Network/publicIPAddresses/delete",
                "Microsoft.Network/publicIPAddresses/join/action",
            ),
            "nodes",
        ),
        Right(
            "lets services in",
            (
                "Microsoft.Network/networkSecurityGroups/read",
                "Microsoft.Network/networkSecurityGroups/write",
            ),
            "firewall",
        ),
        Right(
            "gives services addresses of the nodes' subnet",
            ("Microsoft.Network/virtualNetworks/subnets/read", _JOIN),
            "subnet",
        ),
        Right(
            "balances load over addresses",
            (
                "Microsoft.Network/virtualNetworks/read",
                "Microsoft.Network/virtualNetworks/joinLoadBalancer/action",
            ),
            "network",
        ),
    ),
)

CLUSTER_AUTOSCALER = Workload(
    "cluster-autoscaler",
    "cluster-autoscaler",
    (
        Right(
            "grows and shrinks scale sets",
            (
                f"{_SCALE_SETS}/read",
                f"{_SCALE_SETS}/write",
                f"{_SCALE_SETS}/delete/action",
                f"{_SCALE_SETS}/virtualMachines/read",
                # It looks for pools of single VMs before it knows that there are none.
                "Microsoft.Compute/virtualMachines/read",
                _OUTCOME,
            ),
            "nodes",
        ),
        Right("puts nodes in their subnet", (_JOIN,), "subnet"),
        _USE_IDENTITY,
    ),
)

AZURE_DISK = Workload(
    "azure-disk",
    "csi-azuredisk-controller",
    (
        Right(
            "makes disks and attaches them to nodes",
            (
                "Microsoft.Compute/disks/read",
                "Microsoft.Compute/disks/write",
                "Microsoft.Compute/disks/delete",
                "Microsoft.Compute/locations/DiskOperations/read",
                _OUTCOME,
                f"{_SCALE_SETS}/read",
                f"{_SCALE_SETS}/virtualMachines/read",
                f"{_SCALE_SETS}/virtualMachines/write",
            ),
            "nodes",
        ),
        Right("puts nodes in their subnet", (_JOIN,), "subnet"),
        _USE_IDENTITY,
    ),
)


def workloads(settings: Settings) -> tuple[Workload, ...]:
    """Those that the settings turn on."""
    addons = settings.addons
    wanted = (
        (CLOUD_CONTROLLER_MANAGER, addons.cloud_controller_manager),
        (CLUSTER_AUTOSCALER, addons.cluster_autoscaler),
        (AZURE_DISK, addons.azure_disk),
    )
    return tuple(workload for workload, section in wanted if section)
