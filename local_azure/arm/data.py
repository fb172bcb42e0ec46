"""Rules of Key Vault, Storage and role assignments, and the vault's soft delete."""

from __future__ import annotations

import re
from collections.abc import Iterator

from local_azure.arm.kinds import GUID
from local_azure.arm.rules import Request, rule
from local_azure.arm.shapes import Properties
from local_azure.arm.store import Resource, Store

VAULT = "keyvault:Vault"
SECRET = "keyvault:Secret"
DELETED_VAULT = "keyvault:DeletedVault"
DELETED_SECRET = "keyvault:DeletedSecret"
ACCOUNT = "storage:StorageAccount"
POLICY = "storage:ManagementPolicy"
CONTAINER = "storage:BlobContainer"
ASSIGNMENT = "authorization:RoleAssignment"
DEFINITION = "authorization:RoleDefinition"
IDENTITY = "managedidentity:UserAssignedIdentity"


# GUIDs of Azure's own roles (facts 9).
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
BUILT_IN_ROLES = (SECRETS_USER, BLOB_DATA_CONTRIBUTOR, BLOB_DATA_READER)


def _elsewhere(request: Request, type: str) -> Iterator[Resource]:
    """Other resources of a type that have the request's name, which is a global one."""
    name = request.id.rpartition("/")[2].lower()
    return (other for other in request.others(type) if other.name.lower() == name)


@rule("VaultAlreadyExists", "§9", VAULT, live=True)
def vault_name_is_free(request: Request) -> Iterator[str]:
    for other in _elsewhere(request, VAULT):
        yield f"The vault name '{other.name}' is already in use by {other.id}."


@rule("ConflictError", "§9", VAULT, live=True)
def vault_name_is_not_held(request: Request) -> Iterator[str]:
    for other in _elsewhere(request, DELETED_VAULT):
        yield (
            f"A vault with the same name '{other.name}' already exists in deleted state. "
            "You need to either recover or purge existing key vault."
        )


@rule("Conflict", "§9 §13", SECRET, live=True)
def secret_name_is_not_held(request: Request) -> Iterator[str]:
    if request.store.get(_held_secret(request.id)) is not None:
        yield f"Secret {request.id} is currently in a deleted but recoverable state."


@rule("StorageAccountAlreadyTaken", "U", ACCOUNT, live=True)
def account_name_is_free(request: Request) -> Iterator[str]:
    for other in _elsewhere(request, ACCOUNT):
        yield f"The storage account named {other.name} is already taken by {other.id}."


@rule("PublicAccessNotPermitted", "U", CONTAINER, live=True)
def account_allows_the_public(request: Request) -> Iterator[str]:
    account = request.store.get(request.owners[-1])
    public = request.one("publicAccess") not in (None, "None")
    if public and account is not None and not account.properties.get("allowBlobPublicAccess"):
        yield "Public access is not permitted on this storage account."


@rule("InvalidRequestPropertyValue", "U", POLICY)
def lifecycle_rules_have_names_of_their_own(request: Request) -> Iterator[str]:
    names = request.all("policy.rules.name")
    for name in {name for name in names if names.count(name) > 1 or not name.isalnum()}:
        yield f"The rule name '{name}' is not alphanumeric, or not unique in the policy."


@rule("InvalidRoleDefinitionId", "§9", ASSIGNMENT)
def role_is_an_id(request: Request) -> Iterator[str]:
    role = request.one("roleDefinitionId")
    wanted = rf"(/subscriptions/{GUID})?/providers/Microsoft\.Authorization/roleDefinitions/{GUID}"
    if role is not None and not re.fullmatch(wanted, role):
        yield f"'{role}' is not the id of a role definition."


@rule("ResourceNotFound", "§9", ASSIGNMENT, live=True)
def scope_exists(request: Request) -> Iterator[str]:
    scope = request.one("scope")
    if "/resourcegroups/" in scope.lower() and request.store.get(scope) is None:
        yield f"The resource {scope} was not found."


@rule("PrincipalNotFound", "§13", ASSIGNMENT, live=True)
def principal_exists(request: Request) -> Iterator[str]:
    principal = request.one("principalId")
    if all(each.outputs["principalId"] != principal for each in request.store.list(IDENTITY)):
        yield f"Principal {principal} does not exist in the directory."


@rule("RoleDefinitionDoesNotExist", "U", ASSIGNMENT, live=True)
def role_holds_at_the_scope(request: Request) -> Iterator[str]:
    """Azure's own roles hold everywhere; of those, the local Azure knows what the program uses."""
    guid, scope = request.one("roleDefinitionId").rpartition("/")[2].lower(), request.one("scope")
    if guid in BUILT_IN_ROLES:
        return
    found = [one for one in request.store.list(DEFINITION) if one.name.lower() == guid]
    places = [place for one in found for place in one.properties["assignableScopes"]]
    if not any(f"{scope}/".lower().startswith(f"{place}/".lower()) for place in places):
        yield f"The specified role definition with ID '{guid}' does not exist at {scope}."


@rule("RoleDefinitionWithSameNameExists", "U", DEFINITION, live=True)
def role_name_is_free(request: Request) -> Iterator[str]:
    for other in request.others(DEFINITION):
        if other.properties["roleName"].lower() == request.one("roleName").lower():
            yield f"A custom role with the name '{other.properties['roleName']}' already exists."


@rule("RoleAssignmentExists", "§9", ASSIGNMENT, live=True)
def assignment_is_new(request: Request) -> Iterator[str]:
    for other in request.others(ASSIGNMENT):
        if _grant(other.properties) == _grant(request.body):
            yield f"The role assignment already exists. The ID of it is {other.name}."


def _grant(body: Properties) -> tuple[str, ...]:
    role = body["roleDefinitionId"].rpartition("/")[2]
    return body["scope"].strip("/").lower(), body["principalId"].lower(), role.lower()


def _held_secret(secret_id: str) -> str:
    return secret_id.replace("/secrets/", "/deletedSecrets/")


def hold_name(store: Store, deleted: Resource) -> None:
    """Soft delete: the name of a vault or of a secret stays taken until it is purged."""
    if deleted.type == SECRET:
        held = _held_secret(deleted.id)
        store.put(Resource(DELETED_SECRET, held, deleted.name, deleted.group, {}))
    elif deleted.type == VAULT:
        subscription = deleted.id.partition("/resourceGroups/")[0]
        place = f"{subscription}/providers/Microsoft.KeyVault/deletedVaults/{deleted.name}"
        store.put(Resource(DELETED_VAULT, place, deleted.name, "", {}))


def purge(store: Store) -> list[str]:
    """Frees every held name, as `az keyvault purge` does; gives the names."""
    held = [*store.list(DELETED_VAULT), *store.list(DELETED_SECRET)]
    for resource in held:
        store.delete(resource.id)
    return [resource.name for resource in held]
