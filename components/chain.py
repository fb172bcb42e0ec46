"""Machines that are created, and later replaced, one at a time."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.azure import ResourceGroup
from components.compute import Platform
from components.machine import Machine, MachineArgs, fingerprint
from components.preflight import Preflight
from components.run_command import RunCommand, judged_another, run_on
from config.environment import UserData
from config.topology import Member

# `cloud-init status --wait` also fails for warnings that do not matter, so its result does not
# count: the gate judges the machine itself.
_GATE = "cloud-init status --wait >/dev/null 2>&1; exec /opt/kilonode/bin/gate"
# A first boot may wait a quarter of an hour for its rights on the vault, and downloads.
_GATE_SECONDS = 3600


@dataclass(frozen=True)
class ChainArgs:
    """`user_data` is keyed by member name; `after` must work before the first member is touched.

    `gate_reads`: what else the gates judge than the machines.
    """

    group: ResourceGroup
    platform: Platform
    members: Sequence[Member]
    user_data: Mapping[str, UserData]
    identity_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    after: Sequence[pulumi.Resource]
    gate_nonce: str
    backend_pool_ids: Sequence[pulumi.Output[str]] = ()
    gate_reads: Sequence[str] = ()


def chain(
    name: str, args: ChainArgs, *, parent: pulumi.Resource, preflight: Preflight | None = None
) -> pulumi.Resource:
    """Creates the members as children of `parent`; returns the gate of the last one.

    Each VM depends on the gate of the member before it, so the engine itself deletes, creates and
    gates one machine before it touches the next, and stops at the first that does not work.
    `preflight` is asked before each.
    """
    after = args.after
    for member in args.members:
        own = f"{name}-{member.key}"
        if preflight:
            outdated = judged_another(member.name, _gate(member, args), args.group)
            after = [preflight.ask(f"{own}-preflight", member, after, parent, outdated=outdated)]
        vm = machine(own, member, args, after, parent=parent)
        after = [gate(own, member, args, vm, parent=parent)]
    return after[-1]


def machine(
    name: str,
    member: Member,
    args: ChainArgs,
    after: Sequence[pulumi.Resource],
    *,
    parent: pulumi.Resource,
    data_disk_id: pulumi.Output[str] | None = None,
) -> pulumi.Resource:
    """The machine `name`, one of the chain; returns its VM."""
    machine_args = MachineArgs(
        group=args.group,
        platform=args.platform,
        member=member,
        user_data=args.user_data[member.name],
        identity_id=args.identity_id,
        subnet_id=args.subnet_id,
        after=after,
        backend_pool_ids=args.backend_pool_ids,
        data_disk_id=data_disk_id,
    )
    options = pulumi.ResourceOptions(parent=parent)
    return Machine(name, machine_args, options).vm


def gate(
    name: str,
    member: Member,
    args: ChainArgs,
    vm: pulumi.Resource,
    *,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> pulumi.Resource:
    """Opens when the machine really works, and is asked once `after` are done."""
    return run_on(
        member.name,
        vm,
        _gate(member, args),
        name=f"{name}-gate",
        group=args.group,
        parent=parent,
        after=after,
    )


def _gate(member: Member, args: ChainArgs) -> RunCommand:
    machine = fingerprint(args.platform, member, args.user_data[member.name])
    judged = json.dumps([machine, *args.gate_reads])
    digest = hashlib.sha256(judged.encode()).hexdigest()
    return RunCommand("gate", _GATE, digest, args.gate_nonce, _GATE_SECONDS)
