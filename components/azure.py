"""Azure names and IDs that a preview already knows."""

from dataclasses import dataclass

import pulumi


def known(value: str, *, after: pulumi.Resource | pulumi.Output[str]) -> pulumi.Output[str]:
    """`value`, carrying the dependency on `after`, or that an output from here carries.

    The plugin answers a preview with unknown IDs, so `subnet.id` would hide from a reviewer
    what is attached to what. Every ID here follows from names, and only a URN is known early.
    """
    carrier = after if isinstance(after, pulumi.Output) else after.urn
    return carrier.apply(lambda _: value)


@dataclass(frozen=True)
class ResourceGroup:
    """Where resources go: `name` carries the dependency on the group itself.

    zonal: what is not a machine lies in all zones of the region, and not in none.
    """

    name: pulumi.Output[str]
    plain_name: str
    location: str
    subscription_id: str
    zonal: bool

    @property
    def zones(self) -> list[str] | None:
        """Of an address or a frontend. They are for good (Azure/azure-powershell#14326) and there
        are no two of them (Azure/terraform-azurerm-caf-enterprise-scale#447), so it is all or none
        whichever zones the machines are in.
        """
        return ["1", "2", "3"] if self.zonal else None

    @property
    def own_id(self) -> str:
        """ARM ID of the group itself."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.plain_name}"

    def id(self, resource_type: str, *names: str) -> str:
        """ARM ID of `Namespace/type[/subtype…]` named `names`, outermost first."""
        namespace, *types = resource_type.split("/")
        path = "".join(f"/{kind}/{name}" for kind, name in zip(types, names, strict=True))
        return f"{self.own_id}/providers/{namespace}{path}"
