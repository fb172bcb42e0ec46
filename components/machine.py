"""One single VM with a fixed address."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pulumi
from pulumi_azure_native import compute, network

from components.azure import ResourceGroup, known
from components.compute import ADMIN, Platform, diagnostics, disk_controller, security
from config.environment import UserData
from config.topology import Member

# Azure refuses to change these on a living VM, though the preview would call it an update
# (pulumi-azure-native #577). A resize is possible, but reboots at once and does not wait for the
# gate of the member before. So all of them replace the VM, one after the other.
# What others change on a VM is not among them, since the refresh of every update would see it: no
# patchSettings, which an Azure policy writes (built-in: periodic assessment), and no OS disk, whose
# kind Azure does not tell of a deallocated VM (azure-powershell #13213). That follows the size.
_REPLACING = [
    "hardwareProfile.vmSize",
    "osProfile.adminUsername",
    "osProfile.computerName",
    "osProfile.customData",
    "osProfile.linuxConfiguration.disablePasswordAuthentication",
    "osProfile.linuxConfiguration.provisionVMAgent",
    "osProfile.linuxConfiguration.ssh",
    "securityProfile",
    "storageProfile.imageReference",
    "storageProfile.diskControllerType",
    "zones",
]


@dataclass(frozen=True)
class MachineArgs:
    """`after`: the machine is replaced only once these are done.

    `data_disk_id`: of a disk of its own, None without one.
    """

    group: ResourceGroup
    platform: Platform
    member: Member
    user_data: UserData
    identity_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    after: Sequence[pulumi.Resource]
    backend_pool_ids: Sequence[pulumi.Output[str]] = ()
    data_disk_id: pulumi.Output[str] | None = None


def fingerprint(platform: Platform, member: Member, user_data: UserData) -> str:
    """Changes with anything of these that replaces the member's VM. Pure."""
    # Of a size more than its name is sent: what it boots and how its disks arrive.
    size = asdict(member.size)
    machine = [member.name, size, member.zone, user_data.sha256, asdict(platform)]
    return hashlib.sha256(json.dumps(machine, default=str).encode()).hexdigest()


class Machine(pulumi.ComponentResource):
    """Custom data of a VM is immutable, so a change replaces the VM: deleted, then created.

    Its address stays, with the NIC, and so does a disk of its own. The others do not.
    """

    vm: pulumi.Resource

    def __init__(
        self, name: str, args: MachineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:compute:Machine", name, None, opts)
        self._args = args
        self.vm = self._vm(name, self._nic(name))
        self.register_outputs({"address": str(args.member.address)})

    def _nic(self, name: str) -> pulumi.Output[str]:
        member, group = self._args.member, self._args.group
        nic = network.NetworkInterface(
            f"{name}-nic",
            resource_group_name=group.name,
            location=group.location,
            network_interface_name=member.name,
            enable_accelerated_networking=member.size.accelerated_networking,
            ip_configurations=[
                network.NetworkInterfaceIPConfigurationArgs(
                    name="primary",
                    primary=True,
                    private_ip_address=str(member.address),
                    private_ip_allocation_method=network.IPAllocationMethod.STATIC,
                    subnet=network.SubnetArgs(id=self._args.subnet_id),
                    load_balancer_backend_address_pools=[
                        network.BackendAddressPoolArgs(id=pool_id)
                        for pool_id in self._args.backend_pool_ids
                    ],
                )
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        return known(group.id("Microsoft.Network/networkInterfaces", member.name), after=nic)

    def _vm(self, name: str, nic_id: pulumi.Output[str]) -> compute.VirtualMachine:
        member, platform = self._args.member, self._args.platform
        return compute.VirtualMachine(
            f"{name}-vm",
            resource_group_name=self._args.group.name,
            location=self._args.group.location,
            vm_name=member.name,
            zones=[member.zone] if member.zone else None,
            hardware_profile=compute.HardwareProfileArgs(vm_size=member.size.name),
            identity=compute.VirtualMachineIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED,
                # Exactly one, so that the machine's token requests need no client ID.
                user_assigned_identities=[self._args.identity_id],
            ),
            os_profile=compute.OSProfileArgs(
                computer_name=member.name,
                admin_username=ADMIN,
                custom_data=self._args.user_data.encoded,
                linux_configuration=platform.linux(),
            ),
            storage_profile=self._storage(),
            network_profile=compute.NetworkProfileArgs(
                network_interfaces=[
                    # Detached on deletion: the address belongs to the member, not to the VM.
                    compute.NetworkInterfaceReferenceArgs(
                        id=nic_id, primary=True, delete_option=compute.DeleteOptions.DETACH
                    )
                ]
            ),
            security_profile=security(member.size),
            diagnostics_profile=diagnostics(),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(self._args.after),
                # The name, the NIC and the member's place are taken until the old VM is gone.
                delete_before_replace=True,
                replace_on_changes=_REPLACING,
            ),
        )

    def _storage(self) -> compute.StorageProfileArgs:
        size = self._args.member.size
        return compute.StorageProfileArgs(
            image_reference=self._args.platform.image(size),
            os_disk=compute.OSDiskArgs(
                create_option=compute.DiskCreateOptionTypes.FROM_IMAGE,
                # A replaced VM starts from nothing; its old disk would only cost.
                delete_option=compute.DiskDeleteOptionTypes.DELETE,
                caching=compute.CachingTypes.READ_WRITE,
                managed_disk=compute.ManagedDiskParametersArgs(
                    storage_account_type=size.os_disk_type
                ),
            ),
            data_disks=self._data_disks(),
            disk_controller_type=disk_controller(size),
        )

    def _data_disks(self) -> list[compute.DataDiskArgs] | None:
        if not self._args.data_disk_id:
            return None
        return [
            compute.DataDiskArgs(
                lun=0,
                create_option=compute.DiskCreateOptionTypes.ATTACH,
                # It outlives the VM: that is what it is for.
                delete_option=compute.DiskDeleteOptionTypes.DETACH,
                # etcd counts on what it has synced.
                caching=compute.CachingTypes.NONE,
                managed_disk=compute.ManagedDiskParametersArgs(id=self._args.data_disk_id),
            )
        ]
