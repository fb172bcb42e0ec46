"""A pool of nodes: scale sets of the same kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import compute

from components.azure import ResourceGroup
from components.capacity import keep_capacity
from components.compute import ADMIN, Platform, diagnostics, disk_controller, security
from config.environment import UserData
from config.scale_set_tags import scale_set_tags
from config.topology import NodeSet


@dataclass(frozen=True)
class NodePoolArgs:
    """`user_data` is keyed by scale-set name; `after` must work before nodes try to join."""

    group: ResourceGroup
    platform: Platform
    cluster: str
    node_sets: Sequence[NodeSet]
    user_data: Mapping[str, UserData]
    identity_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    after: Sequence[pulumi.Resource]


class NodePool(pulumi.ComponentResource):
    """New user data reaches new instances only: a pool rolls by a new set and a drained old one."""

    scale_sets: Sequence[pulumi.Resource]

    def __init__(
        self, name: str, args: NodePoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:nodes:NodePool", name, None, opts)
        self._args = args
        self.scale_sets = [
            self._scale_set(f"{name}-{node_set.key}", node_set) for node_set in args.node_sets
        ]
        self.register_outputs({"scale_sets": [node_set.name for node_set in args.node_sets]})

    def _scale_set(self, name: str, node_set: NodeSet) -> compute.VirtualMachineScaleSet:
        args = self._args
        return compute.VirtualMachineScaleSet(
            name,
            resource_group_name=args.group.name,
            location=args.group.location,
            vm_scale_set_name=node_set.name,
            sku=compute.SkuArgs(
                name=node_set.size.name, tier="Standard", capacity=float(node_set.nodes)
            ),
            # The autoscaler and its peers treat the other mode as an extra (azure-facts 4).
            orchestration_mode=compute.OrchestrationMode.UNIFORM,
            # More than 100 instances need many placement groups.
            single_placement_group=False,
            # Spare VMs that appear and vanish would be ghost nodes.
            overprovision=False,
            # Spread as widely as Azure can, which it advises for large sets.
            platform_fault_domain_count=1,
            upgrade_policy=compute.UpgradePolicyArgs(mode=compute.UpgradeMode.MANUAL),
            identity=compute.VirtualMachineScaleSetIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED,
                # Exactly one, so that the machine's token requests need no client ID.
                user_assigned_identities=[args.identity_id],
            ),
            virtual_machine_profile=self._profile(node_set),
            tags=scale_set_tags(args.cluster, node_set),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                # The autoscaler's, from the first day on: the settings' number is for creation.
                ignore_changes=["sku.capacity"],
                # A key that is removed would take all its nodes along. A set goes in two updates:
                # maxNodes 0, which is refused while it has nodes, and then without its key.
                protect=node_set.max_nodes > 0,
                # ... and the ignored value is that of the last refresh, so it is checked.
                hooks=pulumi.ResourceHookBinding(before_update=[keep_capacity]),
                # Azure starts hundreds of machines in one request.
                custom_timeouts=pulumi.CustomTimeouts(create="2h", update="2h", delete="2h"),
            ),
        )

    def _profile(self, node_set: NodeSet) -> compute.VirtualMachineScaleSetVMProfileArgs:
        size, platform = node_set.size, self._args.platform
        return compute.VirtualMachineScaleSetVMProfileArgs(
            os_profile=compute.VirtualMachineScaleSetOSProfileArgs(
                computer_name_prefix=node_set.prefix,
                admin_username=ADMIN,
                custom_data=self._args.user_data[node_set.name].encoded,
                linux_configuration=platform.linux(),
            ),
            storage_profile=compute.VirtualMachineScaleSetStorageProfileArgs(
                image_reference=platform.image(size),
                os_disk=compute.VirtualMachineScaleSetOSDiskArgs(
                    create_option=compute.DiskCreateOptionTypes.FROM_IMAGE,
                    caching=compute.CachingTypes.READ_WRITE,
                    managed_disk=compute.VirtualMachineScaleSetManagedDiskParametersArgs(
                        storage_account_type=size.os_disk_type
                    ),
                ),
                disk_controller_type=disk_controller(size),
            ),
            network_profile=compute.VirtualMachineScaleSetNetworkProfileArgs(
                network_interface_configurations=[self._nic(node_set)]
            ),
            security_profile=security(size),
            diagnostics_profile=diagnostics(),
        )

    def _nic(self, node_set: NodeSet) -> compute.VirtualMachineScaleSetNetworkConfigurationArgs:
        return compute.VirtualMachineScaleSetNetworkConfigurationArgs(
            name="primary",
            primary=True,
            enable_accelerated_networking=node_set.size.accelerated_networking,
            ip_configurations=[
                compute.VirtualMachineScaleSetIPConfigurationArgs(
                    name="primary",
                    primary=True,
                    subnet=compute.ApiEntityReferenceArgs(id=self._args.subnet_id),
                )
            ],
        )
