"""The instance metadata service at http://169.254.169.254, and the identity endpoint in it."""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from local_azure.arm.queries import identities
from local_azure.arm.store import Resource, Store
from local_azure.services.access import TOKEN_SECONDS, Tokens

SEVERAL_IDENTITIES = (
    "Multiple user assigned identities exist, please specify the clientId / resourceId of the "
    "identity in the token request"
)


@dataclass(frozen=True)
class MachineIdentity:
    """What only the machine's owner knows; the rest is in the store.

    resource_id: ARM id of the VM, or of the scale set's instance (…/virtualMachines/NUMBER).
    computer_name: the host name as Azure writes it. address: private, of the primary card.
    """

    resource_id: str
    vm_id: str
    computer_name: str
    address: str


class Machines(Protocol):
    def by_address(self, address: str) -> MachineIdentity | None:
        """The machine with this private address, or None."""
        ...


class MetadataService:
    """Knows its caller by the source address, as Azure's host does."""

    def __init__(self, store: Store, machines: Machines, tokens: Tokens) -> None:
        self._store = store
        self._machines = machines
        self._tokens = tokens
        # Azure allows a VM 5 requests a second, and 20 for tokens (§5).
        self._instance_rate, self._token_rate = RateLimit(5), RateLimit(20)

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/metadata/instance{path:.*}", self._instance)
        application.router.add_get("/metadata/identity/oauth2/token", self._token)
        return application

    async def _instance(self, request: web.Request) -> web.Response:
        """A part of the document. As on Azure, a leaf is text only and must be asked for so."""
        machine = self._caller(request, self._instance_rate)
        part: Any = _document(machine, *self._resource(machine))
        for step in filter(None, request.match_info["path"].split("/")):
            try:
                part = part[int(step) if isinstance(part, list) else step]
            except (KeyError, ValueError, IndexError, TypeError):
                raise _error(web.HTTPNotFound, "Not found") from None
        if isinstance(part, str) != (request.query.get("format") == "text"):
            raise _error(web.HTTPBadRequest, "Bad request")
        return web.Response(text=part) if isinstance(part, str) else web.json_response(part)

    async def _token(self, request: web.Request) -> web.Response:
        virtual, _ = self._resource(self._caller(request, self._token_rate))
        audience, client, wanted = map(request.query.get, ("resource", "client_id", "msi_res_id"))
        if not audience:
            raise _invalid("Required query variable 'resource' is missing")
        attached = identities(self._store, virtual)
        meant = [
            one
            for one in attached
            if client in (None, one.outputs["clientId"])
            and (wanted is None or wanted.lower() == one.id.lower())
        ]
        if len(meant) != 1:
            raise _invalid(SEVERAL_IDENTITIES if meant else "Identity not found")
        answer = {
            "access_token": self._tokens.issue(meant[0].outputs["principalId"], audience),
            "client_id": meant[0].outputs["clientId"],
            "expires_in": str(TOKEN_SECONDS),
            "expires_on": str(int(time.time()) + TOKEN_SECONDS),
            "resource": audience,
            "token_type": "Bearer",
        }
        return web.json_response(answer)

    def _caller(self, request: web.Request, rate: RateLimit) -> MachineIdentity:
        machine = self._machines.by_address(request.remote or "")
        if machine is None:
            raise _error(web.HTTPNotFound, "Not found")
        if request.headers.get("Metadata", "").lower() != "true":
            raise _invalid("Required metadata header not specified")
        if "X-Forwarded-For" in request.headers:
            raise _invalid("Requests that a proxy forwards are refused")
        if "api-version" not in request.query:
            raise _invalid("Required query variable 'api-version' is missing")
        if not rate.admit(machine.address):
            raise _error(web.HTTPTooManyRequests, "Too many requests")
        return machine

    def _resource(self, machine: MachineIdentity) -> tuple[Resource, str]:
        """The VM and "", or the scale set and the instance's number."""
        parent, _, number = machine.resource_id.rpartition("/virtualMachines/")
        is_instance = "/virtualmachinescalesets/" in parent.lower()
        resource = self._store.get(parent if is_instance else machine.resource_id)
        if resource is None:
            raise _error(web.HTTPNotFound, "Not found")
        return resource, number if is_instance else ""


class RateLimit:
    """So many requests a second for each caller."""

    def __init__(self, requests: int) -> None:
        self._recent: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=requests))

    def admit(self, caller: str) -> bool:
        recent, now = self._recent[caller], time.monotonic()
        if len(recent) == recent.maxlen and now - recent[0] < 1:
            return False
        recent.append(now)
        return True


def _error(kind: type[web.HTTPError], error: str, **more: str) -> web.HTTPError:
    return kind(text=json.dumps({"error": error, **more}), content_type="application/json")


def _invalid(description: str) -> web.HTTPError:
    return _error(web.HTTPBadRequest, "invalid_request", error_description=description)


def _document(machine: MachineIdentity, virtual: Resource, number: str) -> dict[str, Any]:
    properties = virtual.properties
    # The program's scale sets have none.
    (zone,) = properties.get("zones") or [""]
    tags = properties.get("tags", {}).items()
    hardware = {"vmSize": properties["sku"]["name"]} if number else properties["hardwareProfile"]
    compute = {
        "azEnvironment": "AzurePublicCloud",
        "location": properties["location"],
        "name": f"{virtual.name}_{number}" if number else virtual.name,
        "osProfile": {"computerName": machine.computer_name},
        "osType": "Linux",
        "resourceGroupName": virtual.group,
        "resourceId": machine.resource_id,
        "subscriptionId": machine.resource_id.split("/")[2],
        "tagsList": [{"name": name, "value": value} for name, value in tags],
        "vmId": machine.vm_id,
        "vmScaleSetName": virtual.name if number else "",
        "vmSize": hardware["vmSize"],
        "zone": zone,
    }
    address = {"privateIpAddress": machine.address, "publicIpAddress": ""}
    return {"compute": compute, "network": {"interface": [{"ipv4": {"ipAddress": [address]}}]}}
