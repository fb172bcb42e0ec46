"""Questions about the store that the data plane asks: who is this machine, and what may it do."""

from __future__ import annotations

from collections.abc import Collection

from local_azure.arm.data import ASSIGNMENT, IDENTITY
from local_azure.arm.shapes import at
from local_azure.arm.store import Resource, Store


def identities(store: Store, resource: Resource) -> list[Resource]:
    """User-assigned identities of a VM or scale set; outputs has principalId and clientId."""
    found = map(store.get, at(resource.properties, "identity.userAssignedIdentities"))
    return [identity for identity in found if identity is not None and identity.type == IDENTITY]


def allowed(
    store: Store, principal_id: str, role_guid: str, scope: str, ignored: Collection[str] = ()
) -> bool:
    """Whether the principal has the role at this ARM id or at one that it lies in.
    ignored: ids of assignments that are not in force yet."""
    inner = scope.lower().rstrip("/") + "/"
    return any(
        assignment.properties["principalId"].lower() == principal_id.lower()
        and assignment.properties["roleDefinitionId"].lower().endswith(role_guid.lower())
        and inner.startswith(assignment.properties["scope"].lower().rstrip("/") + "/")
        for assignment in store.list(ASSIGNMENT)
        if assignment.id not in ignored
    )
