"""Who may do what: tokens of the metadata service, and role assignments of the store."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any

from local_azure.arm.store import Store

TOKEN_SECONDS = 24 * 3600  # a managed identity's token is cached for up to a day (§9)
PROPAGATION_SECONDS = 5.0  # of a role assignment; on Azure up to ten minutes (§9)

SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


class InvalidTokenError(Exception):
    """The bearer token is missing, not one of ours, for another service, or too old."""


class Tokens:
    """Signed tokens in the form of a JWT. The key outlives the daemon, as the tokens do."""

    def __init__(self, key_file: Path) -> None:
        if not key_file.exists():
            key_file.touch(mode=0o600)
            key_file.write_bytes(secrets.token_bytes(32))
        self._key = key_file.read_bytes()

    def issue(self, principal: str, audience: str, seconds: int = TOKEN_SECONDS) -> str:
        claims = {"aud": audience, "oid": principal, "exp": int(time.time()) + seconds}
        parts = ({"alg": "HS256", "typ": "JWT"}, claims)
        signed = ".".join(_encode(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{self._signature(signed)}"

    def principal(self, authorization: str, audience: str) -> str:
        """The principal id behind an Authorization header; raises InvalidTokenError."""
        signed, _, signature = authorization.removeprefix("Bearer ").rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            raise InvalidTokenError("The token's signature is not valid.")
        payload = signed.rpartition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["aud"].rstrip("/") != audience or claims["exp"] < time.time():
            raise InvalidTokenError("The token is for another audience, or has expired.")
        return str(claims["oid"])

    def _signature(self, signed: str) -> str:
        return _encode(hmac.digest(self._key, signed.encode(), "sha256"))


class Roles:
    """An assignment that is made while this runs is in force some seconds later, as on Azure."""

    def __init__(self, store: Store, delay: float = PROPAGATION_SECONDS) -> None:
        self._store = store
        self._seen: dict[str, float] = {}
        self._delay = 0.0
        self.observe()
        self._delay = delay

    def observe(self) -> None:
        """Notes assignments that are new; to be called after writes to the store."""
        in_force = time.monotonic() + self._delay
        assignments = self._store.list("authorization:RoleAssignment")
        self._seen = {one.id: self._seen.get(one.id, in_force) for one in assignments}

    def allow(self, principal: str, role: str, scope: str) -> bool:
        """True where the principal has the role (its GUID) at the scope or at a parent of it."""
        self.observe()
        return any(
            self._seen[one.id] <= time.monotonic()
            and _grants(one.properties, principal, role, scope)
            for one in self._store.list("authorization:RoleAssignment")
            if one.id in self._seen
        )


def _grants(assignment: dict[str, Any], principal: str, role: str, scope: str) -> bool:
    # ARM ids are compared without regard to case.
    granted = "/" + assignment["scope"].lower().strip("/") + "/"
    return (
        assignment["principalId"] == principal
        and assignment["roleDefinitionId"].lower().endswith("/" + role)
        and f"{scope.lower()}/".startswith(granted)
    )


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
