"""Who may do what: tokens of the metadata service, and role assignments of the store."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from pathlib import Path

from aiohttp import web

from local_azure.arm.data import ASSIGNMENT
from local_azure.arm.queries import allowed
from local_azure.arm.store import Resource, Store

TOKEN_SECONDS = 24 * 3600  # a managed identity's token is cached for up to a day (§9)
PROPAGATION_SECONDS = 5.0  # of a role assignment; on Azure up to ten minutes (§9)


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

    def principal(self, request: web.Request, audience: str) -> str:
        """The id of the principal that sends the request; raises InvalidTokenError."""
        authorization = request.headers.get("Authorization", "")
        signed, _, signature = authorization.removeprefix("Bearer ").rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            raise InvalidTokenError("The token is missing or its signature is not valid.")
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
        self._delay = delay
        self._in_force = {one.id: 0.0 for one in store.list(ASSIGNMENT)}

    def observe(self) -> None:
        """Notes assignments that are new; to be called after writes to the store."""
        then = time.monotonic() + self._delay
        assignments = self._store.list(ASSIGNMENT)
        self._in_force = {one.id: self._in_force.get(one.id, then) for one in assignments}

    def allow(self, principal: str, role: str, scope: str) -> bool:
        """Whether the principal has the role (its GUID) at this ARM id or one that it lies in."""
        self.observe()
        now = time.monotonic()
        on_their_way = {one for one, in_force in self._in_force.items() if in_force > now}
        return allowed(self._store, principal, role, scope, on_their_way)


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def host_resource(store: Store, type: str, request: web.Request) -> Resource:
    """The resource whose name is the first label of the host that is asked; raises HTTPNotFound."""
    label = request.host.partition(".")[0].lower()
    for resource in store.list(type):
        if resource.name.lower() == label:
            return resource
    raise web.HTTPNotFound
