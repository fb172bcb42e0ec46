"""Managed identities: one per machine role."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import managedidentity

from components.azure import ResourceGroup, known
from config.topology import Topology

# The role's name is also the name of its secret bundle.
ROLES = ("etcd", "events", "master", "node")


@dataclass(frozen=True)
class Identity:
    """`id` is known in a preview; `principal_id` is what role assignments name, `client_id` what
    asks for a token.
    """

    id: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    client_id: pulumi.Output[str]
    name: pulumi.Output[str]


@dataclass(frozen=True)
class IdentitiesArgs:
    """Identities are named CLUSTER-ROLE."""

    group: ResourceGroup
    topology: Topology


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
        return identity(name, args.group, args.topology.identity(role), parent=self)


def identity(
    name: str, group: ResourceGroup, physical_name: str, *, parent: pulumi.Resource
) -> Identity:
    """A managed identity that nobody has yet."""
    made = managedidentity.UserAssignedIdentity(
        name,
        resource_group_name=group.name,
        location=group.location,
        resource_name_=physical_name,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    resource_type = "Microsoft.ManagedIdentity/userAssignedIdentities"
    return Identity(
        id=known(group.id(resource_type, physical_name), after=made),
        principal_id=made.principal_id,
        client_id=made.client_id,
        name=known(physical_name, after=made),
    )
