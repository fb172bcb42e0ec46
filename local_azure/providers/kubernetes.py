"""The kubernetes plugin: objects by server-side apply, like the real one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

from local_azure.arm.shapes import UNKNOWN, Properties
from local_azure.providers.protocol import InitError, Plugin

# The real plugin replaces an object for these; ConfigMaps only where they are not said to be
# mutable (enableConfigMapMutable).
_REPLACING = {
    "": ("apiVersion", "kind", "metadata.name", "metadata.namespace"),
    "DaemonSet": ("spec.selector",),
    "Deployment": ("spec.selector",),
    "ClusterRoleBinding": ("roleRef",),
    "RoleBinding": ("roleRef",),
    "ConfigMap": ("data", "binaryData"),
}


class UnreachableError(Exception):
    """The API does not answer."""


class NotReadyError(Exception):
    """The object is there, but does not become what it should."""

    def __init__(self, live: Properties, reason: str) -> None:
        super().__init__(reason)
        self.live = live


class Cluster(Protocol):
    """Objects are told apart by apiVersion, kind, metadata.name and metadata.namespace."""

    def reachable(self) -> bool: ...

    def apply(self, body: Properties) -> Properties:
        """The object once it works. Raises NotReadyError, UnreachableError."""
        ...

    def get(self, body: Properties) -> Properties | None: ...

    def delete(self, body: Properties) -> None: ...


class Echo:
    """Plan mode: a cluster that agrees with everything."""

    def __init__(self, kubeconfig: str) -> None:
        pass

    def reachable(self) -> bool:
        return True

    def apply(self, body: Properties) -> Properties:
        return body

    def get(self, body: Properties) -> Properties | None:
        return body

    def delete(self, body: Properties) -> None:
        pass


class Kubernetes(Plugin):
    package = "kubernetes"

    def __init__(self, connect: Callable[[str], Cluster]) -> None:
        self._connect = connect
        self._settings: dict[str, str] = {}

    def configure(self, configuration: dict[str, str]) -> None:
        self._settings = configuration
        for found_out_once in ("cluster", "reachable"):
            self.__dict__.pop(found_out_once, None)

    @cached_property
    def cluster(self) -> Cluster:
        return self._connect(self._settings.get("kubeconfig", ""))

    @cached_property
    def reachable(self) -> bool:
        return self.cluster.reachable()

    def _set(self, setting: str) -> bool:
        return self._settings.get(setting) == "true"

    def check(self, type: str, inputs: Properties, old: Properties) -> tuple[Properties, list[str]]:
        if old and self._set("skipUpdateUnreachable") and not self.reachable:
            return old, []
        metadata = inputs.get("metadata", {})
        if metadata is not UNKNOWN and "name" not in metadata:
            return inputs, ["metadata.name is missing: the local plugin makes up no names"]
        return inputs, []

    def replaces(self, type: str, path: str) -> bool:
        kind = type.rpartition(":")[2]
        if kind == "ConfigMap" and self._set("enableConfigMapMutable"):
            kind = ""
        causes = _REPLACING[""] + _REPLACING.get(kind, ())
        return any(path == cause or path.startswith(f"{cause}.") for cause in causes)

    def create(self, type: str, inputs: Properties) -> tuple[str, Properties]:
        metadata = inputs["metadata"]
        id = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
        return id, self._apply(id, inputs)

    def update(self, type: str, id: str, inputs: Properties, outputs: Properties) -> Properties:
        return self._apply(id, inputs)

    def _apply(self, id: str, inputs: Properties) -> Properties:
        try:
            return self.cluster.apply(inputs)
        except NotReadyError as error:
            raise InitError(id, error.live, str(error)) from error

    def read(
        self, type: str, id: str, inputs: Properties, outputs: Properties
    ) -> tuple[Properties, Properties] | None:
        try:
            live = self.cluster.get(inputs)
        except UnreachableError:
            if self._set("skipUpdateUnreachable"):
                return inputs, outputs
            raise
        return (_seen(inputs, live), live) if live is not None else None

    def delete(self, type: str, id: str, outputs: Properties) -> None:
        try:
            self.cluster.delete(outputs)
        except UnreachableError:
            if not self._set("deleteUnreachable"):
                raise


def _seen(wanted: Any, live: Any) -> Any:
    """The live values of what was asked for; what the cluster added is nobody's input."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return {name: _seen(value, live[name]) for name, value in wanted.items() if name in live}
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return [_seen(*pair) for pair in zip(wanted, live, strict=True)]
    return live
