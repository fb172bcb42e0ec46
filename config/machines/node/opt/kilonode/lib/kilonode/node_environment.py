"""What only Azure's metadata service knows of this node, for the units' environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kilonode import web
from kilonode.machine import hostname, write_atomically

NODE_FILE = Path("/run/kilonode/node.env")

_INSTANCE = "http://169.254.169.254/metadata/instance?api-version=2021-02-01"


def provider_id(compute: Mapping[str, Any]) -> str:
    """The VM's id as Azure's cloud provider writes it, which finds VMs by comparing these strings.

    It lowers subscription and resource group and leaves the VM's own name as it is. An instance of
    a scale set is called SET_NUMBER.
    """
    subscription = compute["subscriptionId"].lower()
    group = compute["resourceGroupName"].lower()
    compute_id = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute"
    scale_set = compute.get("vmScaleSetName", "")
    if scale_set:
        number = compute["name"].rpartition("_")[2]
        return f"azure://{compute_id}/virtualMachineScaleSets/{scale_set}/virtualMachines/{number}"
    return f"azure://{compute_id}/virtualMachines/{compute['name']}"


def address(network: Mapping[str, Any]) -> str:
    """The primary interface's private address."""
    return str(network["interface"][0]["ipv4"]["ipAddress"][0]["privateIpAddress"])


def node_environment(instance: Mapping[str, Any], name: str) -> str:
    """Lines of KEY="value". instance: the metadata service's document; name: the host's."""
    variables = {
        "NODE_IP": address(instance["network"]),
        "NODE_NAME": name,
        "PROVIDER_ID": provider_id(instance["compute"]),
    }
    return "".join(f'{key}="{value}"\n' for key, value in variables.items())


def _instance() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(web.send(_INSTANCE, {"Metadata": "true"}))
    return document


def main() -> None:
    # Without it this machine is no node, so there is nothing to give up for.
    instance = web.retry("metadata service", _instance, patience=None)
    text = node_environment(instance, hostname())
    write_atomically(NODE_FILE, text.encode(), 0o644)


if __name__ == "__main__":
    main()
