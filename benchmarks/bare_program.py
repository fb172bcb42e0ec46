"""A Pulumi program without a design: the resources of another one, in a flat list.

Each has the SDK's own class and the other's inputs, so what this program takes is what the engine
and the SDKs take for that many resources of these types.
"""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pulumi

_PACKAGES = {
    "azure-native": "pulumi_azure_native",
    "kubernetes": "pulumi_kubernetes",
    "tls": "pulumi_tls",
}


def register(token: str, name: str, inputs: dict[str, Any]) -> None:
    """token: such as azure-native:network:Subnet. inputs: as the engine shows them."""
    package, module, kind = token.split(":")
    if package not in _PACKAGES:
        pulumi.ComponentResource(token, name)
        return
    # tls:index/privateKey:PrivateKey lies in the package itself.
    # kubernetes:rbac.authorization.k8s.io/v1:ClusterRole in pulumi_kubernetes.rbac.v1.
    group, *version = module.split("/")
    path = [] if group == "index" else [group.split(".")[0], *version]
    resource = getattr(importlib.import_module(".".join([_PACKAGES[package], *path])), kind)
    # publicIPAllocationMethod is the parameter public_ip_allocation_method.
    parameters = inspect.signature(resource._internal_init).parameters
    names = {parameter.replace("_", ""): parameter for parameter in parameters}
    resource(name, **{names[key.lower()]: value for key, value in inputs.items()})


if __name__ == "__main__":
    for entry in json.loads(Path("resources.json").read_text()):
        register(entry["token"], entry["name"], entry["inputs"])
