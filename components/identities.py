"""Managed identities: one per machine role."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import managedidentity

from components.azure import ResourceGroup, known

# The role's name is also the name of its secret bundle.
ROLES = ("etcd", "events", "master", "node")


@dataclass(frozen=True)
class Identity:
    """`id` is known in a preview; `principal_id` is what role assignments name."""

    id: pulumi.Output[str]
    principal_id: pulumi.Output[str]


@dataclass(frozen=True)
class IdentitiesArgs:
    """Identities are named CLUSTER-ROLE."""

    group: ResourceGroup
    cluster: str


class Identities(pulumi.ComponentResource):
    """Per role and not per machine: a subscription holds 4,000 role assignments."""

    by_role: Mapping[str, Identity]

    def __init__(
        self, name: str, args: IdentitiesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:identity:Identities", name, None, opts)
        self.by_role = {role: self._identity(f"{name}-{role}", args, role) for role in ROLES}
        self.register_outputs({role: identity.id for role, identity in self.by_role.items()})

    def _identity(self, name: str, args: IdentitiesArgs, role: str) -> Identity:
        physical_name = f"{args.cluster}-{role}"
        identity = managedidentity.UserAssignedIdentity(
            name,
            resource_group_name=args.group.name,
            location=args.group.location,
            resource_name_=physical_name,
            opts=pulumi.ResourceOptions(parent=self),
        )
        resource_type = "Microsoft.ManagedIdentity/userAssignedIdentities"
        return Identity(
            id=known(args.group.id(resource_type, physical_name), after=identity),
            principal_id=identity.principal_id,
        )
