"""A node's name, address and provider id, as Azure's cloud provider will look for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kilonode import node_environment
from kilonode.node_environment import node_environment as rendered
from kilonode.node_environment import provider_id

SUBSCRIPTION = "0000ABCD-0000-0000-0000-000000000000"


def compute(name: str, scale_set: str = "") -> dict[str, Any]:
    """The part `compute` of the metadata service's document."""
    return {
        "name": name,
        "osProfile": {"computerName": "cpu-a-00000A"},
        "resourceGroupName": "PROD-Nodes",
        "subscriptionId": SUBSCRIPTION,
        "vmScaleSetName": scale_set,
    }


NETWORK = {"interface": [{"ipv4": {"ipAddress": [{"privateIpAddress": "10.0.64.4"}]}}]}


def test_a_scale_sets_instance_is_found_by_its_number() -> None:
    """The cloud provider compares texts: group and subscription in lower case, nothing else."""
    assert provider_id(compute("prod-cpu-a_10", "prod-cpu-a")) == (
        "azure:///subscriptions/0000abcd-0000-0000-0000-000000000000/resourceGroups/prod-nodes"
        "/providers/Microsoft.Compute/virtualMachineScaleSets/prod-cpu-a/virtualMachines/10"
    )


def test_a_single_vm_is_found_by_its_name() -> None:
    assert provider_id(compute("prod-master-a")) == (
        "azure:///subscriptions/0000abcd-0000-0000-0000-000000000000/resourceGroups/prod-nodes"
        "/providers/Microsoft.Compute/virtualMachines/prod-master-a"
    )


def test_units_get_all_they_need_in_one_file() -> None:
    lines = rendered({"compute": compute("x_1", "x"), "network": NETWORK}, "cpu-a-00000a")
    keys = dict(line.split("=", 1) for line in lines.splitlines())
    assert keys.keys() == {"NODE_NAME", "NODE_IP", "PROVIDER_ID"}
    assert keys["NODE_NAME"] == '"cpu-a-00000a"'
    assert keys["NODE_IP"] == '"10.0.64.4"'


def test_the_name_is_lower_case_and_the_metadata_service_is_asked_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure calls the eleventh instance …00000A, and Kubernetes takes no capital letters."""
    file = tmp_path / "node.env"
    asked: list[str] = []

    def send(url: str, headers: dict[str, str]) -> bytes:
        asked.append(url)
        assert headers == {"Metadata": "true"}, "or the service refuses"
        if len(asked) < 3:
            raise OSError("not there yet")
        return json.dumps({"compute": compute("x_1", "x"), "network": NETWORK}).encode()

    monkeypatch.setattr(node_environment, "NODE_FILE", file)
    monkeypatch.setattr("kilonode.web.send", send)
    monkeypatch.setattr("kilonode.web.time.sleep", lambda _: None)
    monkeypatch.setattr("kilonode.machine.socket.gethostname", lambda: "cpu-a-00000A")
    node_environment.main()
    assert 'NODE_NAME="cpu-a-00000a"\n' in file.read_text()
    assert len(asked) == 3
