"""Role assignments: who may do what, at the narrowest scope that works."""

import uuid

import pulumi
from pulumi_azure_native import authorization

from components.azure import ResourceGroup, known
from components.identities import Identity

KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
STORAGE_BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


def assign(
    name: str,
    *,
    group: ResourceGroup,
    role: str,
    identity: Identity,
    scope: str,
    parent: pulumi.Resource,
    target: pulumi.Resource,
) -> None:
    """Lets `identity` act as `role` (a GUID) on `target`, whose ARM ID is `scope`."""
    authorization.RoleAssignment(
        name,
        scope=known(scope, after=target),
        principal_id=identity.principal_id,
        # Said outright, a fresh principal that is not replicated yet is no error.
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        role_definition_id=(
            f"/subscriptions/{group.subscription_id}"
            f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
        ),
        # Azure wants a GUID; this one is known in a preview and is nobody else's.
        role_assignment_name=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}#{role}#{name}")),
        opts=pulumi.ResourceOptions(parent=parent),
    )
