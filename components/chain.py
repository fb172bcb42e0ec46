"""Machines that are created, and later replaced, one at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.azure import ResourceGroup
from components.compute import Platform
from components.machine import Machine, MachineArgs
from config.environment import UserData
from config.topology import Member


@dataclass(frozen=True)
class ChainArgs:
    """`user_data` is keyed by member name; `after` must work before the first member is touched."""

    group: ResourceGroup
    platform: Platform
    members: Sequence[Member]
    user_data: Mapping[str, UserData]
    identity_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    after: Sequence[pulumi.Resource]
    gate_nonce: str
    backend_pool_ids: Sequence[pulumi.Output[str]] = ()


def chain(name: str, args: ChainArgs, *, parent: pulumi.Resource) -> pulumi.Resource:
    """Creates the members as children of `parent`; returns the gate of the last one.

    Each VM depends on the gate of the member before it, so the engine itself deletes, creates and
    gates one machine before it touches the next, and stops at the first that does not work.
    """
    after = args.after
    for member in args.members:
        machine = Machine(
            f"{name}-{member.key}",
            MachineArgs(
                group=args.group,
                platform=args.platform,
                member=member,
                user_data=args.user_data[member.name],
                identity_id=args.identity_id,
                subnet_id=args.subnet_id,
                after=after,
                gate_nonce=args.gate_nonce,
                backend_pool_ids=args.backend_pool_ids,
            ),
            pulumi.ResourceOptions(parent=parent),
        )
        after = [machine.gate]
    return after[-1]
