"""The documents' settings as running programs tell them, not as files asked for them."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.cluster.conftest import Cluster, eventually

PKI = "/etc/kilonode/pki/kubernetes"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("serializeImagePulls", False),  # D11
        ("maxParallelImagePulls", 5),  # D11
        ("nodeStatusMaxImages", 0),  # E4
        ("nodeStatusReportFrequency", "5m0s"),  # E4
    ],
)
def test_running_kubelets_have_the_documents_settings(
    cluster: Cluster, key: str, value: Any
) -> None:
    for node in (*cluster.machines("cpu"), *cluster.machines("master")):
        shown = cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/configz")
        assert json.loads(shown)["kubeletconfig"][key] == value


def test_running_schedulers_pack_nodes(cluster: Cluster) -> None:
    """D9. With a credential of the masters, as nobody else may ask."""
    for machine in cluster.machines("master"):
        shown = cluster.on(
            machine,
            *("curl", "--silent", "--fail", "--insecure"),
            *("--cert", f"{PKI}/manifests.crt", "--key", f"{PKI}/manifests.key"),
            "https://127.0.0.1:10259/configz",
        )
        assert "MostAllocated" in shown
        assert "LeastAllocated" not in shown, "Kubernetes' default spreads"


def test_running_dockers_have_the_documents_settings(cluster: Cluster) -> None:
    """D12, D14. A reload changes nothing, and dockerd tells its settings when it is done."""
    for machine in cluster.machines("cpu"):
        cluster.on(machine, "systemctl", "reload", "docker.service")
        eventually(partial(told_by_docker, cluster, machine), 30, f"{machine} has reloaded")
        told = told_by_docker(cluster, machine)
        assert told["max-concurrent-downloads"] == "10"
        assert told["live-restore"] == "true"
        assert "containerd-snapshotter:false" in told["features"]


def told_by_docker(cluster: Cluster, machine: str) -> dict[str, str]:
    """What the latest reload says; empty if there was none."""
    shown = cluster.on(
        machine,
        *("docker", "events", "--since=10m", "--until=0s", "--filter=event=reload"),
        "--format={{json .Actor.Attributes}}",
    )
    reloads: list[dict[str, str]] = [json.loads(line) for line in shown.splitlines()]
    return reloads[-1] if reloads else {}


def test_nodes_wait_a_random_while_before_they_join(cluster: Cluster) -> None:
    """E5: what has run at this boot, as systemd remembers it."""
    for machine in cluster.machines("cpu"):
        shown = cluster.on(machine, "systemctl", "show", "--property=ExecStart", "bundle.service")
        assert "--node-jitter 10 " in shown
        assert "start_time=[n/a]" not in shown


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("version", ["ipv4", "ipv6"])
def test_systemd_gives_the_kernel_the_neighbour_thresholds(
    cluster: Cluster, version: str, level: int
) -> None:
    """D17: as far as a machine that shares the host's kernel can go; the keys are the host's."""
    for machine in (*cluster.machines("etcd"), *cluster.machines("cpu")):
        shown = cluster.on(machine, "/usr/lib/systemd/systemd-sysctl", "--cat-config")
        wanted = {1: 80000, 2: 90000, 3: 100000}[level]
        assert f"-net.{version}.neigh.default.gc_thresh{level} = {wanted}" in shown.splitlines()


def test_etcd_and_apiservers_have_machines_of_their_own(cluster: Cluster) -> None:
    """E1, and D8: what else a master runs."""
    for role in ("etcd", "events"):
        for machine in cluster.machines(role):
            assert programs(cluster, machine) == {"etcd"}
    masters = {"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
    for machine in cluster.machines("master"):
        assert programs(cluster, machine) == masters


def programs(cluster: Cluster, machine: str) -> set[str]:
    """Which programs of the control plane run on the machine."""
    known = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    script = 'for name; do ! pidof -q "$name" || echo "$name"; done'
    return set(cluster.on(machine, "sh", "-c", script, "sh", *known).split())
