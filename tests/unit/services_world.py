"""A store with one vault, one storage account and two machines, and services on loopback ports."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local_azure.arm.data import BLOB_DATA_CONTRIBUTOR, SECRETS_USER
from local_azure.arm.store import Resource, Store
from local_azure.services.access import Tokens
from local_azure.services.imds import MachineIdentity
from local_azure.services.servers import WebServers

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/c-control"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/c-vault-1"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/cstore1"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/etcd"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/c-etcd"
MACHINE = f"{COMPUTE}/virtualMachines/c-etcd-a"
ROLES = "/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class World:
    """`machine` is the one behind this computer's loopback address."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path / "azure")
        self.tokens = Tokens(path / "token.key")
        self.machine: MachineIdentity | None = MachineIdentity(
            MACHINE, "11111111-0000-0000-0000-000000000000", "c-etcd-a", "10.0.0.10"
        )
        self.put("keyvault:Vault", VAULT, {"properties": {"tenantId": "a-tenant"}})
        self.put("keyvault:Secret", f"{VAULT}/secrets/etcd", {"properties": {"value": "bundle"}})
        self.put("storage:StorageAccount", ACCOUNT)
        self.put("storage:BlobContainer", CONTAINER)
        self.identity("c-etcd")
        self.assign("1", SECRETS_USER, f"{VAULT}/secrets/etcd")
        self.assign("2", BLOB_DATA_CONTRIBUTOR, ACCOUNT)
        self.put("compute:VirtualMachine", MACHINE, virtual_machine([IDENTITY]))

    def by_address(self, address: str) -> MachineIdentity | None:
        return self.machine if address == "127.0.0.1" else None

    def put(self, type: str, id: str, properties: Any = None, **outputs: str) -> None:
        name = id.rpartition("/")[2]
        self.store.put(Resource(type, id, name, "c-control", properties or {}, outputs))

    def identity(self, name: str) -> str:
        id = f"{IDENTITY.rpartition('/')[0]}/{name}"
        outputs = {"principalId": f"principal of {name}", "clientId": f"client of {name}"}
        self.put("managedidentity:UserAssignedIdentity", id, None, **outputs)
        return id

    def assign(
        self, name: str, role: str, scope: str, principal: str = "principal of c-etcd"
    ) -> None:
        assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        properties = {
            "principalId": principal,
            "roleDefinitionId": f"{ROLES}/{role}",
            "scope": scope,
        }
        self.put("authorization:RoleAssignment", assignment, properties)


def virtual_machine(identities: list[str]) -> dict[str, Any]:
    return {
        "location": "westeurope",
        "zones": ["2"],
        "tags": {"team": "infra"},
        "hardwareProfile": {"vmSize": "Standard_L8s_v4"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": identities},
    }


class Client:
    """Talks to one service as if it had the name `host`."""

    def __init__(self, port: int, host: str) -> None:
        self.port = port
        self._host = host

    def __call__(
        self, path: str, method: str = "GET", body: bytes | None = None, /, **headers: str
    ) -> Answer:
        """Header names are written with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {"Host": self._host} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer


@contextmanager
def serving(application: web.Application, host: str) -> Iterator[Client]:
    servers = WebServers()
    try:
        yield Client(servers.serve(application, "127.0.0.1", 0), host)
    finally:
        servers.stop()
