"""Role assignments: who may do what, at the narrowest scope that works."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization

from components.azure import ResourceGroup, known
from components.identities import Identity

KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
STORAGE_BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


@dataclass(frozen=True)
class Role:
    """A role of our own making."""

    guid: str
    definition: pulumi.Resource


def define(
    name: str,
    *,
    groups: Sequence[ResourceGroup],
    role_name: str,
    actions: Sequence[str],
    parent: pulumi.Resource,
) -> Role:
    """A role with these actions and no others, which may be assigned in `groups` alone.

    role_name: in the whole tenant nobody else's, which holds 5,000 such roles.
    """
    scopes = [group.own_id for group in groups]
    guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scopes[0]}#{name}"))
    definition = authorization.RoleDefinition(
        name,
        scope=known(scopes[0], after=groups[0].name),
        assignable_scopes=[known(one.own_id, after=one.name) for one in groups],
        role_definition_id=guid,
        role_name=role_name,
        role_type="CustomRole",
        permissions=[authorization.PermissionArgs(actions=list(actions))],
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Role(guid, definition)


def assign(
    name: str,
    *,
    group: ResourceGroup,
    role: str | Role,
    identity: Identity,
    scope: str,
    parent: pulumi.Resource,
    target: pulumi.Resource | pulumi.Output[str],
) -> None:
    """Lets `identity` act as `role` (a GUID, or what defines it) on `target`, whose ARM ID is
    `scope`.
    """
    guid = role if isinstance(role, str) else role.guid
    authorization.RoleAssignment(
        name,
        scope=known(scope, after=target),
        principal_id=identity.principal_id,
        # Said outright, a fresh principal that is not replicated yet is no error.
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        role_definition_id=_definition_id(group, guid)
        if isinstance(role, str)
        else known(_definition_id(group, guid), after=role.definition),
        # Azure wants a GUID; this one is known in a preview and is nobody else's.
        role_assignment_name=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}#{guid}#{name}")),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _definition_id(group: ResourceGroup, guid: str) -> str:
    return (
        f"/subscriptions/{group.subscription_id}"
        f"/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    )
