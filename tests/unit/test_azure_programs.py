"""What the programs that act on Azure are told, against what they know.

The lists in azure_programs/ name their sources. Three of the programs were built from the Go module
proxy, which takes ten minutes, and their --help is what stands there; cluster-autoscaler is not on
it, so its flags and variables are those of its source at a pinned commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.artifacts import catalog
from tests.unit.planned_addons import addons_of

LISTS = Path(__file__).parent / "azure_programs"
# Container -> its list. The sidecars of Kubernetes CSI have the flags that they are released with.
CONTAINERS = {
    "cloud-controller-manager": "cloud-controller-manager",
    "cloud-node-manager": "cloud-node-manager",
    "cluster-autoscaler": "cluster-autoscaler",
    "azuredisk": "azuredisk",
}
ADDONS = ("cloud-controller-manager", "cluster-autoscaler", "azure-disk")


def known(name: str) -> set[str]:
    lines = (LISTS / f"{name}.txt").read_text().splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


def objects(kind: str) -> Iterator[Any]:
    for addon in ADDONS:
        yield from (one for one in addons_of("prod")[addon] if one["kind"] == kind)


def containers() -> Iterator[Any]:
    for kind in ("Deployment", "DaemonSet"):
        for one in objects(kind):
            yield from one["spec"]["template"]["spec"]["containers"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_no_flag_is_unknown_to_its_program(name: str) -> None:
    """It would not start, and the cluster would be without it."""
    found = [one for one in containers() if one["name"] == name]
    assert found
    flags = {flag.lstrip("-").partition("=")[0] for one in found for flag in one["args"]}
    assert flags - known(CONTAINERS[name]) == set()


@pytest.mark.parametrize("name", ["cluster-autoscaler", "azuredisk"])
def test_a_program_reads_every_variable_that_it_is_given(name: str) -> None:
    """One that it does not know is silently nothing."""
    found = [one for one in containers() if one["name"] == name]
    given = {variable["name"] for one in found for variable in one["env"]}
    assert given
    assert given - known(f"{name}-variables") == set()


def test_a_node_that_is_drained_waits_until_no_disk_is_attached() -> None:
    """The driver's hook ends at once, and with an error, where it is not told the node's name."""
    (container,) = (one for one in containers() if "preStop" in one.get("lifecycle", {}))
    hook = container["lifecycle"]["preStop"]["exec"]["command"]
    assert hook == ["/azurediskplugin", "--pre-stop-hook=true"]
    (name,) = (one for one in container["env"] if one["name"] == "KUBE_NODE_NAME")
    assert name["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}


def test_the_cloud_provider_reads_every_key_of_its_configuration() -> None:
    """One that it does not know is silently nothing."""
    found = list(objects("ConfigMap"))
    assert len(found) == 2
    for one in found:
        assert set(json.loads(one["data"]["azure.json"])) - known("azure-json") == set()


def test_the_lists_are_those_of_the_versions_that_run() -> None:
    versions = {
        "cloud-controller-manager": "cloud-controller-manager",
        "cloud-node-manager": "cloud-node-manager",
        "azuredisk": "azure-disk",
    }
    for name, image in versions.items():
        for path in LISTS.glob(f"{name}*.txt"):
            source = path.read_text().splitlines()[0]
            assert source.endswith(catalog().images[image].rpartition(":")[2])
    autoscaler = (LISTS / "cluster-autoscaler.txt").read_text()
    version = catalog().images["cluster-autoscaler"].rpartition(":v")[2]
    assert f"(cluster-autoscaler-{version})" in autoscaler


def test_programs_are_of_kubernetes_own_minor() -> None:
    kubernetes = catalog().artifacts["kube-apiserver"].url.split("/v")[1].split("/")[0]
    minor = kubernetes.rpartition(".")[0]
    for image in ("cloud-controller-manager", "cloud-node-manager", "cluster-autoscaler"):
        assert catalog().images[image].rpartition(":v")[2].startswith(f"{minor}.")
