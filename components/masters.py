"""Masters: apiserver, controller manager and scheduler on the same machines (D8)."""

import pulumi

from components.chain import ChainArgs, chain


class Masters(pulumi.ComponentResource):
    """Masters behind the load balancers. `gate` opens when the last apiserver is ready.

    They keep nothing: new user data replaces them one by one while the others serve.
    """

    gate: pulumi.Resource

    def __init__(
        self, name: str, args: ChainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:masters:Masters", name, None, opts)
        self.gate = chain(name, args, parent=self)
        self.register_outputs({"addresses": [str(member.address) for member in args.members]})
