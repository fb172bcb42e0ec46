"""Masters: apiserver, controller manager and scheduler on the same machines (D8)."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from components.chain import ChainArgs, chain, gate, machine


class Masters(pulumi.ComponentResource):
    """Masters behind the load balancers. `gate` opens when the last apiserver is ready.

    They keep nothing: new user data replaces them one by one while the others serve. `first`, the
    VM of the first of them, stands before etcd does: it asks whether etcd's machines may be
    touched, which must be somebody that is none of them.
    """

    first: pulumi.Resource
    gate: pulumi.Resource

    def __init__(
        self, name: str, args: ChainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:masters:Masters", name, None, opts)
        self._name = name
        self._args = args
        first = args.members[0]
        self.first = machine(f"{name}-{first.key}", first, args, args.after, parent=self)

    def follow(self, after: Sequence[pulumi.Resource]) -> None:
        """Gates the first machine once `after`, etcd, works, and creates the others."""
        first, *others = self._args.members
        name = f"{self._name}-{first.key}"
        opened = gate(name, first, self._args, self.first, parent=self, after=after)
        rest = replace(self._args, members=others, after=[opened])
        self.gate = chain(self._name, rest, parent=self)
        self.register_outputs({"addresses": [str(one.address) for one in self._args.members]})
