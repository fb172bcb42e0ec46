"""An etcd cluster: the main one, or the one of the events (D3)."""

import pulumi

from components.chain import ChainArgs, chain


class Etcd(pulumi.ComponentResource):
    """Members on VMs of their own. `gate` opens when the last of them is a healthy member.

    New user data replaces a member: it comes back with a blank disk and joins as a learner.
    """

    gate: pulumi.Resource

    def __init__(
        self, name: str, args: ChainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:etcd:Etcd", name, None, opts)
        self.gate = chain(name, args, parent=self)
        self.register_outputs({"addresses": [str(member.address) for member in args.members]})
