"""Azure Resource Manager: the requests that a client makes, on the store and the backend."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from local_azure.arm import compute, data, network
from local_azure.arm.backend import Backend
from local_azure.arm.kinds import KINDS, Kind
from local_azure.arm.rules import AzureError, Request, references, refusals
from local_azure.arm.shapes import Properties, at, marked, merged, pick, without
from local_azure.arm.store import Resource, Store

PUBLIC_ADDRESS = "network:PublicIPAddress"
RUN_COMMAND = "compute:VirtualMachineRunCommandByVirtualMachine"
# What Azure keeps of a script's output.
RUN_OUTPUT = 4096


class DeploymentError(Exception):
    """The resource exists, in the state Failed."""

    def __init__(self, resource: Resource, reason: str) -> None:
        super().__init__(reason)
        self.resource = resource


@dataclass(frozen=True)
class Arm:
    store: Store
    backend: Backend
    subscription: str
    tenant: str

    def request(self, type: str, body: Properties) -> Request:
        kind = _kind(type)
        known = all(isinstance(body.get(name), str) for name in kind.parameters)
        resource_id = kind.id(self.subscription, body) if known else ""
        return Request(kind, resource_id, body, self.store, self.store.get(resource_id))

    def problems(self, type: str, body: Properties) -> list[AzureError]:
        """What is wrong with the body alone, unknown values left out."""
        return list(refusals(self.request(type, body), live=False))

    def id(self, type: str, body: Properties) -> str:
        return self.request(type, body).id

    def put(self, type: str, body: Properties) -> Resource:
        """Creates or updates; raises AzureError before a change, DeploymentError after one."""
        with self.store.lock:
            request = self.request(type, body)
            for refusal in refusals(request, live=True):
                raise refusal
            resource = self._resource(request)
            self.store.put(resource)
        try:
            if type == RUN_COMMAND:
                return self._run(resource)
            if request.old is None:
                self.backend.create(resource)
            else:
                self.backend.update(request.old, resource)
        except Exception as error:
            failed = _with(resource, provisioningState="Failed")
            self._settle(resource, failed)
            raise DeploymentError(failed, f"{type} {resource.name}: {error}") from error
        return resource

    def _run(self, command: Resource) -> Resource:
        result = self.backend.run_command(command)
        state = "Failed" if result.exit_code else "Succeeded"
        view = {"executionState": state, "exitCode": result.exit_code}
        view |= {"output": result.stdout[-RUN_OUTPUT:], "error": result.stderr[-RUN_OUTPUT:]}
        strict = command.properties.get("treatFailureAsDeploymentFailure")
        if result.exit_code and strict and not command.properties.get("asyncExecution"):
            raise RuntimeError(f"exit code {result.exit_code}: {result.stdout}{result.stderr}")
        ended = _with(command, instanceView=view)
        self._settle(command, ended)
        return ended

    def _settle(self, begun: Resource, ended: Resource) -> None:
        """Keeps what became of a request, unless another one deleted or changed it meanwhile: a
        client that was killed leaves its request behind."""
        with self.store.lock:
            if self.store.get(begun.id) == begun:
                self.store.put(ended)

    def _resource(self, put: Request) -> Resource:
        kind, name = put.kind, put.body[put.kind.parameters[-1]]
        made = put.old.outputs if put.old is not None else self._made(kind.type, name)
        outputs = made | {"name": name, "type": kind.arm_type, "provisioningState": "Succeeded"}
        group = put.body.get("resourceGroupName", "")
        return Resource(kind.type, put.id, name, group, put.body, outputs)

    def _made(self, type: str, name: str) -> Properties:
        """What Azure itself decides when it creates a resource."""
        if type == data.IDENTITY:
            ids = {"principalId": str(uuid.uuid4()), "clientId": str(uuid.uuid4())}
            return ids | {"tenantId": self.tenant}
        if type == data.VAULT:
            return {"properties": {"vaultUri": f"https://{name}.vault.azure.net/"}}
        if type == data.ACCOUNT:
            return {"primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"}}
        if type == compute.VM:
            return {"vmId": str(uuid.uuid4())}
        if type == PUBLIC_ADDRESS:
            taken = {each.outputs["ipAddress"] for each in self.store.list(PUBLIC_ADDRESS)}
            return {"ipAddress": next(each for each in network.PUBLIC if each not in taken)}
        return {}

    def delete(self, resource_id: str) -> None:
        """Deletes it with all that lies in it; nothing happens if it is not there."""
        with self.store.lock:
            resource = self.store.get(resource_id)
            if resource is None:
                return
            doomed = [*self.store.children(resource_id), resource]
            self._refuse_if_used(doomed)
        # Machines go before the network that they stand in, and before their disks.
        for each in sorted(doomed, key=lambda each: not each.type.startswith("compute:Virtual")):
            self.backend.delete(each)
            with self.store.lock:
                self.store.delete(each.id)
                if each is resource or each.type == data.VAULT:
                    data.hold_name(self.store, each)

    def _refuse_if_used(self, doomed: Sequence[Resource]) -> None:
        kinds = {each.id.lower(): KINDS[each.type] for each in doomed if each.type in KINDS}
        for other in self.store.list():
            if other.id.lower() in kinds or other.type not in KINDS:
                continue
            for _, _, target in references(KINDS[other.type], other.properties):
                code = kinds[target.lower()].in_use if target.lower() in kinds else ""
                if code:
                    raise AzureError(code, f"{target} is in use by {other.id}.")


def _kind(type: str) -> Kind:
    if type not in KINDS:
        raise AzureError("InvalidResourceType", f"The local Azure does not know {type}.")
    return KINDS[type]


def _with(resource: Resource, **outputs: object) -> Resource:
    return replace(resource, outputs=resource.outputs | outputs)


def shown(type: str, body: Properties) -> Properties:
    """What a GET gives back of a body: neither the names in the id nor what is write-only."""
    kind = _kind(type)
    for path in (*kind.parameters, *marked(kind.shape, "~")):
        body = without(body, path)
    # A list when it is sent, a map when it comes back.
    attached = "identity.userAssignedIdentities"
    identities: Properties = {id: {} for id in at(body, attached)}
    if "identity" in body:
        body = merged(without(body, attached), {"identity": {"userAssignedIdentities": identities}})
    return body


def read(found: Resource, known: Properties) -> Properties:
    """The body as a client learns it from a GET: what is write-only stays what it knows."""
    body = found.properties
    for path in marked(_kind(found.type).shape, "~") if known else ():
        body = merged(pick(known, path), without(body, path))
    return body
