"""The question before a machine of an etcd cluster is deleted: are all its members healthy?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.azure import ResourceGroup
from components.compute import Platform
from components.machine import fingerprint
from components.run_command import RunCommand, run_on
from config.artifacts import catalog
from config.environment import UserData
from config.topology import Member

# The asker may just have been made: a first boot waits for its rights on the vault, and downloads.
_SECONDS = 3600


@dataclass(frozen=True)
class Preflight:
    """Asks from outside the cluster, once for each member that an update is about to delete.

    A gate asks when a new machine works. That may be days before the next one is deleted, if an
    update ended in between, and it is too late for the first.

    `asker`: the machine that asks, no member, and `asker_vm` its VM. `cluster`: main or events.
    `user_data` is keyed by member name. `learner`: the address of the cluster's durable learner,
    whether it has one or not. `patience_seconds`: for a member that is not healthy.
    """

    group: ResourceGroup
    platform: Platform
    asker: Member
    asker_vm: pulumi.Resource
    cluster: str
    learner: str
    patience_seconds: int
    user_data: Mapping[str, UserData]

    def ask(
        self,
        name: str,
        member: Member,
        after: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
        *,
        outdated: bool,
    ) -> pulumi.Resource:
        """The resource `name`: fails unless the member's machine may be deleted.

        Without a nonce: it is asked again when that machine is to be replaced, and only then.
        `outdated`: that it is, also if an update that asked ended before it did so.
        """
        container = self.user_data[member.name].environment["BLOB_CONTAINER_URL"]
        # With the birth record: a cluster of which nobody answers may be new, or may be dead.
        script = (
            "cloud-init status --wait >/dev/null 2>&1;"
            " systemctl start artifacts.service bundle.service"
            f" && exec /opt/kilonode/bin/etcd-preflight {self.cluster}"
            f" --container {container} --learner {self.learner}"
            f" --member {member.address} --version {catalog().artifacts['etcd'].version}"
            f" --patience {self.patience_seconds}"
        )
        digest = fingerprint(self.platform, member, self.user_data[member.name])
        return run_on(
            self.asker.name,
            self.asker_vm,
            RunCommand(f"preflight-{member.name}", script, digest, "", _SECONDS),
            name=name,
            group=self.group,
            parent=parent,
            after=after,
            again=outdated,
        )
