"""Pods reach each other, resolve names, run to completion, and cannot reach what is not theirs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cluster.conftest import Cluster, eventually

SERVICE = "web.default.svc.cluster.local"
METADATA = "http://169.254.169.254/metadata/instance?api-version=2021-02-01"


@dataclass(frozen=True)
class Pod:
    name: str
    address: str
    node: str


def pods(cluster: Cluster, app: str) -> list[Pod]:
    listed = cluster.get("pods", f"--selector=app={app}")["items"]
    return [
        Pod(pod["metadata"]["name"], pod["status"]["podIP"], pod["spec"]["nodeName"])
        for pod in listed
    ]


@pytest.fixture(scope="module", autouse=True)
def web(cluster: Cluster) -> Iterator[None]:
    cluster.apply("web")
    for name in ("web", "web-host"):
        cluster.kubectl("rollout", "status", f"daemonset/{name}", "--timeout=180s")
    yield
    cluster.kubectl("delete", "daemonset/web", "daemonset/web-host", "service/web")


def run_in(cluster: Cluster, pod: Pod, *command: str) -> str:
    return cluster.kubectl("exec", pod.name, "--", "/testbox", *command)


def test_pods_on_both_nodes_reach_each_other_over_flannel(cluster: Cluster) -> None:
    first, second = pods(cluster, "web")
    assert first.node != second.node
    for source, target in ((first, second), (second, first)):
        assert target.name in run_in(cluster, source, "get", f"http://{target.address}:8080/")


@pytest.mark.parametrize("app", ["web", "web-host"])
def test_pods_resolve_and_reach_a_service_by_name(cluster: Cluster, app: str) -> None:
    """D16: a hostNetwork pod does so through ClusterFirstWithHostNet."""
    for pod in pods(cluster, app):
        assert_reaches_service(cluster, pod)


def assert_reaches_service(cluster: Cluster, pod: Pod) -> None:
    """A pod is ready before DNS and kube-proxy of every node have heard of a service."""
    eventually(
        lambda: (
            run_in(cluster, pod, "resolve", SERVICE).strip()
            and "web-" in run_in(cluster, pod, "get", f"http://{SERVICE}/")
        ),
        60,
        f"{pod.name} resolves and reaches {SERVICE}",
    )


def test_a_job_completes(cluster: Cluster) -> None:
    cluster.apply("job")
    cluster.kubectl("wait", "--for=condition=Complete", "job/batch", "--timeout=120s")
    cluster.kubectl("delete", "job/batch")


def test_logs_are_read_through_a_verified_kubelet_certificate(cluster: Cluster) -> None:
    pod = pods(cluster, "web")[0]
    cluster.kubectl("logs", pod.name)
    for machine in cluster.machines("master"):
        flags = cluster.on(
            machine, "sh", "-c", "tr '\\0' ' ' </proc/$(pidof kube-apiserver)/cmdline"
        )
        assert "--kubelet-certificate-authority=" in flags, "without it any address would do"


@pytest.mark.parametrize("app", ["web", "web-host"])
def test_pods_ask_the_metadata_service_in_vain(cluster: Cluster, app: str) -> None:
    """A pod with the node's identity could read the node's bundle in Key Vault."""
    for pod in pods(cluster, app):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            run_in(cluster, pod, "get", METADATA, "5s")
        # Whatever it would say, a refusal too, it would have to be reached for.
        assert not refused.value.stdout


def test_what_may_ask_the_metadata_service_is_answered(cluster: Cluster) -> None:
    """The counterpart: the service is there, and only the firewall keeps the pods away."""
    for machine in cluster.machines("cpu"):
        shown = cluster.on(
            machine,
            *("systemd-run", "--quiet", "--pipe", "--slice=metadata.slice"),
            *("curl", "--silent", "--fail", "--header", "Metadata: true", METADATA),
        )
        assert "resourceId" in shown


def test_dns_pods_never_share_a_machine(cluster: Cluster) -> None:
    """D10."""
    eventually(lambda: all(pod.address for pod in pods_with(cluster, "kube-dns")), 60, "DNS runs")
    nodes = [pod.node for pod in pods_with(cluster, "kube-dns")]
    assert len(nodes) == len(set(nodes)) >= 1


def pods_with(cluster: Cluster, label: str) -> list[Pod]:
    listed = cluster.get("pods", "--namespace=kube-system", f"--selector=k8s-app={label}")["items"]
    return [
        Pod(pod["metadata"]["name"], pod["status"].get("podIP", ""), pod["spec"]["nodeName"])
        for pod in listed
    ]
