"""Key Vault's data plane at https://NAME.vault.azure.net: reading secrets."""

from __future__ import annotations

import hashlib
import json

from aiohttp import web

from local_azure.arm.data import SECRETS_USER, VAULT
from local_azure.arm.store import Resource, Store
from local_azure.services.access import (
    InvalidTokenError,
    Roles,
    Tokens,
    host_resource,
)

AUDIENCE = "https://vault.azure.net"
FORBIDDEN = """\
Caller is not authorized to perform action on resource.\r
If role assignments, deny assignments or role definitions were changed recently, please observe \
propagation time.\r
Caller: oid={principal}\r
Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r
Resource: '{secret}'\r
"""


class VaultService:
    def __init__(self, store: Store, tokens: Tokens, roles: Roles) -> None:
        self._store = store
        self._tokens = tokens
        self._roles = roles

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/secrets/{name}", self._read)
        application.router.add_get("/secrets/{name}/{version:.*}", self._read)
        return application

    async def _read(self, request: web.Request) -> web.Response:
        vault = host_resource(self._store, VAULT, request)
        if not request.query.get("api-version", "").startswith("7."):
            raise _error(web.HTTPBadRequest, "BadParameter", "No supported api-version was given.")
        name, version = request.match_info["name"], request.match_info.get("version", "")
        secret_id = f"{vault.id}/secrets/{name}"
        principal = self._principal(request, vault)
        # Azure looks at the caller's rights before it says whether the secret is there.
        if not self._roles.allow(principal, SECRETS_USER, secret_id):
            message = FORBIDDEN.format(principal=principal, secret=secret_id)
            raise _error(web.HTTPForbidden, "Forbidden", message, "ForbiddenByRbac")
        secret = self._store.get(secret_id)
        if secret is None or version not in ("", _version(secret)):
            message = f"A secret with (name/id) {name} was not found in this key vault."
            raise _error(web.HTTPNotFound, "SecretNotFound", message)
        content = {
            "value": secret.properties["properties"]["value"],
            "id": f"https://{request.host}/secrets/{secret.name}/{_version(secret)}",
            "attributes": {"enabled": True, "recoveryLevel": "Recoverable+Purgeable"},
        }
        return web.json_response(content)

    def _principal(self, request: web.Request, vault: Resource) -> str:
        try:
            return self._tokens.principal(request, AUDIENCE)
        except InvalidTokenError as problem:
            message = str(problem)
        if "Authorization" not in request.headers:
            message = "AKV10000: Request is missing a Bearer or PoP token."
        refusal = _error(web.HTTPUnauthorized, "Unauthorized", message)
        authority = f"https://login.windows.net/{vault.properties['properties']['tenantId']}"
        challenge = f'Bearer authorization="{authority}", resource="{AUDIENCE}"'
        refusal.headers["WWW-Authenticate"] = challenge
        raise refusal


def _version(secret: Resource) -> str:
    """32 hexadecimal digits that change with the value. Older versions are not kept."""
    return hashlib.sha256(secret.properties["properties"]["value"].encode()).hexdigest()[:32]


def _error(kind: type[web.HTTPError], code: str, message: str, inner: str = "") -> web.HTTPError:
    error = {"code": code, "message": message} | ({"innererror": {"code": inner}} if inner else {})
    return kind(text=json.dumps({"error": error}), content_type="application/json")
