"""Add-ons at work: each node's DNS cache, and what `kubectl top` shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial

import pytest

from tests.cluster.conftest import Cluster, eventually

CACHE = "169.254.20.10"
SERVICE = "web.default.svc.cluster.local"
# A question for SERVICE's address, asked of the cache itself; prints the code of the answer.
ASK = f"""
import socket, struct
name = b"".join(bytes([len(part)]) + part for part in b"{SERVICE}".split(b"."))
question = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + name + b"\\0" + struct.pack(">2H", 1, 1)
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.settimeout(5)
asked.sendto(question, ("{CACHE}", 53))
print(asked.recv(512)[3] & 15)
"""


@pytest.fixture(scope="module", autouse=True)
def web(cluster: Cluster) -> Iterator[None]:
    cluster.apply("web")
    cluster.kubectl("rollout", "status", "daemonset/web", "--timeout=180s")
    cluster.kubectl(
        *("--namespace=kube-system", "rollout", "status", "daemonset/node-local-dns"),
        "--timeout=180s",
    )
    yield
    cluster.kubectl("delete", "daemonset/web", "daemonset/web-host", "service/web")


def requests_answered(cluster: Cluster, machine: str) -> float:
    """Questions that the machine's cache was asked so far."""
    shown = cluster.on(machine, "curl", "--silent", "--fail", f"http://{CACHE}:9253/metrics")
    return sum(map(float, re.findall(r"^coredns_dns_requests_total\{.*\} (\S+)$", shown, re.M)))


def answers(cluster: Cluster, machine: str) -> bool:
    return cluster.on(machine, "python3", "-c", ASK).strip() == "0"


def test_every_machine_with_a_kubelet_has_a_dns_cache_of_its_own(cluster: Cluster) -> None:
    """D10: Azure's resolver counts by machine, so each must ask for itself."""
    for machine in (*cluster.machines("master"), *cluster.machines("cpu")):
        eventually(partial(answers, cluster, machine), 60, f"{machine}'s cache knows services")


def test_a_pod_asks_the_cache_of_its_node(cluster: Cluster) -> None:
    pods = cluster.get("pods", "--selector=app=web")["items"]
    for pod in pods:
        machine = pod["spec"]["nodeName"]
        before = requests_answered(cluster, machine)
        cluster.kubectl("exec", pod["metadata"]["name"], "--", "/testbox", "resolve", SERVICE)
        assert requests_answered(cluster, machine) > before


def test_what_nodes_use_is_shown_for_every_node(cluster: Cluster) -> None:
    """metrics-server verifies the kubelets' serving certificates, so those must be signed ones."""

    def used() -> set[str]:
        listed = cluster.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
        return {one["metadata"]["name"] for one in json.loads(listed)["items"]}

    nodes = {one["metadata"]["name"] for one in cluster.get("nodes")["items"]}
    eventually(lambda: used() == nodes, 120, "metrics-server has asked every kubelet twice")
    assert set(cluster.kubectl("top", "nodes", "--no-headers").split()) >= nodes
