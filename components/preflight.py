"""The question before anything of an etcd cluster is deleted: are all its members healthy?"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.azure import ResourceGroup
from components.compute import Platform
from components.run_command import RunCommand, run_on
from config.environment import UserData
from config.topology import Member

# The asker may just have been made: a first boot waits for its rights on the vault, and downloads.
_SECONDS = 3600


@dataclass(frozen=True)
class PreflightArgs:
    """`cluster`: main or events. `user_data` is keyed by member name.

    `asker`: the machine that asks, none of `members`, and `asker_vm` its VM. `learner`: the address
    of the cluster's durable learner, whether it has one or not. `patience_seconds`: for a member
    that is not healthy. `after`: what comes before.
    """

    group: ResourceGroup
    platform: Platform
    asker: Member
    asker_vm: pulumi.Resource
    cluster: str
    members: Sequence[Member]
    learner: str
    patience_seconds: int
    user_data: Mapping[str, UserData]
    after: Sequence[pulumi.Resource]
    gate_nonce: str


class Preflight(pulumi.ComponentResource):
    """Asks from outside the cluster; `gate` opens when it may be touched.

    The gates of a chain see a sick cluster only after its first member is gone.
    """

    gate: pulumi.Resource

    def __init__(
        self, name: str, args: PreflightArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:etcd:Preflight", name, None, opts)
        environment = args.user_data[args.members[0].name].environment
        # With the birth record: a cluster of which nobody answers may be new, or may be dead.
        command = (
            "cloud-init status --wait >/dev/null 2>&1;"
            " systemctl start artifacts.service bundle.service"
            f" && exec /opt/kilonode/bin/etcd-preflight {args.cluster}"
            f" --container {environment['BLOB_CONTAINER_URL']} --learner {args.learner}"
            f" --last {args.members[-1].address} --patience {args.patience_seconds}"
        )
        self.gate = run_on(
            args.asker.name,
            args.asker_vm,
            RunCommand(
                f"preflight-{args.cluster}",
                command,
                fingerprint(args.platform, args.members, args.user_data),
                args.gate_nonce,
                _SECONDS,
            ),
            name=f"{name}-command",
            group=args.group,
            parent=self,
            after=args.after,
        )
        self.register_outputs({"asker": args.asker.name})


def fingerprint(
    platform: Platform, members: Sequence[Member], user_data: Mapping[str, UserData]
) -> str:
    """Changes with anything that deletes a member's VM. Pure."""
    machines = [
        [member.name, member.size.name, member.zone, user_data[member.name].sha256]
        for member in members
    ]
    everywhere = [platform.image_version, platform.ssh_public_key]
    return hashlib.sha256(json.dumps([machines, everywhere]).encode()).hexdigest()
