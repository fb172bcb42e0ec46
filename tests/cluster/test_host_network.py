"""D16: a namespace's label gives its pods the network of their machines."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.cluster.conftest import Cluster, eventually

NAMESPACE = "--namespace=heavy"


@pytest.fixture(scope="module")
def pods(cluster: Cluster) -> Iterator[list[Any]]:
    """One on each worker."""
    cluster.apply("host-network")
    cluster.kubectl("rollout", "status", "daemonset/heavy", NAMESPACE, "--timeout=180s")
    yield cluster.get("pods", NAMESPACE, "--selector=app=heavy")["items"]
    cluster.kubectl("delete", "namespace/heavy")


def test_pods_of_a_labelled_namespace_have_their_nodes_address(
    cluster: Cluster, pods: list[Any]
) -> None:
    """Not one of flannel's, whose tunnel is slower than the machines' own network."""
    addresses = {
        address["address"]
        for node in cluster.get("nodes")["items"]
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    }
    assert len(pods) >= 2
    for pod in pods:
        assert pod["status"]["podIP"] == pod["status"]["hostIP"]
        assert pod["status"]["podIP"] in addresses


def test_they_resolve_and_reach_a_service_by_name(cluster: Cluster, pods: list[Any]) -> None:
    """ClusterFirst alone would give them the node's own resolver."""
    service = "heavy.heavy.svc.cluster.local"
    # In the machine's network a pod has the machine's name, too.
    machines = {pod["spec"]["nodeName"] for pod in pods}
    for pod in pods:
        # It is ready before DNS and kube-proxy of its node have heard of the service.
        eventually(
            partial(reaches, cluster, pod["metadata"]["name"], service, machines),
            60,
            f"{pod['metadata']['name']} resolves and reaches {service}",
        )


def reaches(cluster: Cluster, pod: str, service: str, machines: set[str]) -> bool:
    run = ("exec", NAMESPACE, pod, "--", "/testbox")
    answer = cluster.kubectl(*run, "get", f"http://{service}/")
    resolved = cluster.kubectl(*run, "resolve", service).strip()
    return bool(resolved) and any(machine in answer for machine in machines)
