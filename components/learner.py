"""A durable learner: a member of an etcd cluster on a disk that outlives its VM."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import compute

from components.azure import known
from components.chain import ChainArgs, gate, machine
from config.topology import DataDisk, Member


@dataclass(frozen=True)
class LearnerArgs:
    """`machine`: as for the voters' chain, `after` what must not wait for the learner."""

    member: Member
    disk: DataDisk
    machine: ChainArgs


class Learner(pulumi.ComponentResource):
    """Follows the voters and never becomes one. What is restored from when all voters lost theirs.

    The disk goes only with the setting. A new VM finds its data on it, and catches up.
    """

    def __init__(
        self, name: str, args: LearnerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:etcd:Learner", name, None, opts)
        group, member, wanted = args.machine.group, args.member, args.disk
        disk = compute.Disk(
            f"{name}-disk",
            resource_group_name=group.name,
            location=group.location,
            disk_name=wanted.name,
            # A disk is attached only within its zone.
            zones=[member.zone] if member.zone else None,
            sku=compute.DiskSkuArgs(name=wanted.sku),
            creation_data=compute.CreationDataArgs(create_option=compute.DiskCreateOption.EMPTY),
            disk_size_gb=wanted.gib,
            opts=pulumi.ResourceOptions(parent=self),
        )
        disk_id = known(group.id("Microsoft.Compute/disks", wanted.name), after=disk)
        vm = machine(
            name, member, args.machine, args.machine.after, parent=self, data_disk_id=disk_id
        )
        gate(name, member, args.machine, vm, parent=self)
        self.register_outputs({"address": str(member.address)})
