"""The azure-native plugin, before the local Azure."""

from __future__ import annotations

from local_azure.arm.backend import Backend
from local_azure.arm.compute import SCALE_SET
from local_azure.arm.data import SECRET
from local_azure.arm.kinds import KINDS
from local_azure.arm.rules import AzureError
from local_azure.arm.service import RUN_COMMAND, Arm, DeploymentError, read, shown
from local_azure.arm.shapes import Properties, marked, merged
from local_azure.arm.store import Resource, Store
from local_azure.providers.protocol import InitError, Plugin

_GETTERS = {
    "compute:getVirtualMachineScaleSet": SCALE_SET,
    "compute:getVirtualMachineRunCommandByVirtualMachine": RUN_COMMAND,
}


class AzureNative(Plugin):
    package = "azure-native"

    def __init__(self, store: Store, backend: Backend) -> None:
        self._arm = Arm(store, backend, "", "")
        self._location = ""

    def configure(self, configuration: dict[str, str]) -> None:
        self._location = configuration.get("location", "")
        ids = [configuration.get(name, "") for name in ("subscriptionId", "tenantId")]
        self._arm = Arm(self._arm.store, self._arm.backend, *ids)

    def check(self, type: str, inputs: Properties, old: Properties) -> tuple[Properties, list[str]]:
        """The real plugin would also make up names that are missing; here they are refused."""
        if self._location and type in KINDS and "location" in KINDS[type].shape:
            inputs = {"location": self._location} | inputs
        return inputs, [str(problem) for problem in self._arm.problems(type, inputs)]

    def replaces(self, type: str, path: str) -> bool:
        causes = marked(KINDS[type].shape, "^")
        return any(path == cause or path.startswith(f"{cause}.") for cause in causes)

    def preview(self, type: str, inputs: Properties, outputs: Properties) -> Properties:
        """Like the real one: what a GET will echo, and of an existing resource its name."""
        stable = {name: outputs[name] for name in ("name", "location") if name in outputs}
        return shown(type, inputs) | stable

    def create(self, type: str, inputs: Properties) -> tuple[str, Properties]:
        id = self._arm.id(type, inputs)
        if self._arm.store.get(id) is not None:
            raise RuntimeError(f"cannot create already existing resource '{id}'")
        return id, self._put(type, inputs)

    def update(self, type: str, id: str, inputs: Properties, outputs: Properties) -> Properties:
        return self._put(type, inputs)

    def _put(self, type: str, inputs: Properties) -> Properties:
        try:
            return _outputs(self._arm.put(type, inputs))
        except DeploymentError as error:
            failed = error.resource
            raise InitError(failed.id, _outputs(failed), str(error)) from error

    def read(
        self, type: str, id: str, inputs: Properties, outputs: Properties
    ) -> tuple[Properties, Properties] | None:
        found = self._arm.store.get(id)
        return (read(found, inputs), _outputs(found)) if found is not None else None

    def delete(self, type: str, id: str, outputs: Properties) -> None:
        if type == SECRET:
            # The plugin asks the vault for it, not ARM, and nobody here may (azure-facts 13).
            raise AzureError("Forbidden", f"Caller is not authorized: secrets/delete on {id}.")
        self._arm.delete(id)

    def invoke(self, function: str, arguments: Properties) -> Properties:
        if function == "authorization:getClientConfig":
            nobody = "00000000-0000-0000-0000-000000000000"
            ids = {"subscriptionId": self._arm.subscription, "tenantId": self._arm.tenant}
            return ids | {"clientId": nobody, "objectId": nobody}
        if function in _GETTERS:
            id = self._arm.id(_GETTERS[function], arguments)
            found = self._arm.store.get(id)
            if found is None:
                raise LookupError(f'Code="ResourceNotFound" Message="{id} was not found."')
            return _outputs(found) | {"id": id}
        return super().invoke(function, arguments)


def _outputs(resource: Resource) -> Properties:
    return merged(shown(resource.type, resource.properties), resource.outputs)
