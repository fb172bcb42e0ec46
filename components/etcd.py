"""An etcd cluster: the main one, or the one of the events (D3)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.chain import ChainArgs, chain
from components.preflight import Preflight
from components.run_command import RunCommand, run_on

# One leaves at a time, each only while all that stay are healthy; a snapshot comes first.
_LEAVE_SECONDS = 3600


@dataclass(frozen=True)
class EtcdArgs:
    """`voters`: the machines of the chain. `declared`: all members' names, a learner's too."""

    voters: ChainArgs
    preflight: Preflight
    declared: Sequence[str]


class Etcd(pulumi.ComponentResource):
    """Members on VMs of their own. `gate` opens when all are healthy and no others are members.

    New user data replaces a member: it comes back with a blank disk and joins as a learner.
    """

    gate: pulumi.Resource

    def __init__(
        self, name: str, args: EtcdArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:etcd:Etcd", name, None, opts)
        voters = args.voters
        opened = chain(name, voters, parent=self, preflight=args.preflight)
        # The engine deletes what the settings no longer name last, when all else is done. By then
        # it must be no member any more, or the others would go on counting on it.
        leave = RunCommand(
            "leave",
            f"exec /opt/kilonode/bin/etcd-leave {' '.join(args.declared)}",
            hashlib.sha256(" ".join(sorted(args.declared)).encode()).hexdigest(),
            voters.gate_nonce,
            _LEAVE_SECONDS,
        )
        last = voters.members[-1].name
        self.gate = run_on(
            last, opened, leave, name=f"{name}-leave", group=voters.group, parent=self
        )
        self.register_outputs({"addresses": [str(member.address) for member in voters.members]})
