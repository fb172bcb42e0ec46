"""Images that machines bring along (D15) are there before they are needed, whoever is away."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_azure import fabric
from tests.cluster.conftest import STATE, Cluster, eventually, local_azure
from tests.cluster.objects import pod

PAUSE = "/opt/preloaded_pause_image.tar"
READY_SECONDS = 300
SOON_SECONDS = 120


def manifest(cluster: Cluster, machine: str) -> Any:
    return json.loads(cluster.on(machine, "cat", "/etc/kilonode/images.json"))


def told(cluster: Cluster, machine: str) -> dict[str, float]:
    """What the machine tells Prometheus of its images."""
    text = cluster.on(machine, "curl", "--silent", "--fail", "http://127.0.0.1:2384/metrics")
    lines = (line.split() for line in text.splitlines() if "image" in line and line[0] != "#")
    return {name: float(value) for name, value in lines}


def moment(cluster: Cluster, machine: str, unit: str, name: str) -> int:
    """Microseconds since the kernel's start."""
    shown = cluster.on(machine, "systemctl", "show", "--value", f"--property={name}", unit)
    return int(shown)


def test_the_pause_image_is_there_before_the_kubelet_starts(cluster: Cluster) -> None:
    for machine in (*cluster.machines("master"), *cluster.machines("cpu")):
        loaded = moment(cluster, machine, "pause-image", "ExecMainExitTimestampMonotonic")
        assert 0 < loaded < moment(cluster, machine, "kubelet", "ExecMainStartTimestampMonotonic")
        (image,) = manifest(cluster, machine)["pause"]["images"]
        shown = cluster.on(machine, "docker", "image", "inspect", image)
        # What was pulled has a digest of its registry's; what was loaded has none.
        assert not json.loads(shown)[0]["RepoDigests"], "it was pulled"
        assert told(cluster, machine)["kilonode_pause_image_missing"] == 0


def test_a_pools_nodes_have_its_preload_list(cluster: Cluster) -> None:
    for machine in cluster.machines("cpu"):
        images = manifest(cluster, machine)["pool"]["images"]
        assert images, "Pulumi.local.yaml preloads something"
        cluster.on(machine, "docker", "image", "inspect", *images)
        assert told(cluster, machine)["kilonode_preloaded_images_missing"] == 0


def started_anew(cluster: Cluster, node: str) -> None:
    """With a new OS disk, whereupon what Docker had on the local disk goes, too."""
    (before,) = [
        one["status"]["nodeInfo"]["bootID"]
        for one in cluster.get("nodes")["items"]
        if one["metadata"]["name"] == node
    ]
    life = cluster.on(node, "cat", "/var/lib/kilonode/life")
    local_azure("machines", "reimage", node)

    def ready() -> bool:
        shown = cluster.get("node", node)
        conditions = {one["type"]: one["status"] for one in shown["status"]["conditions"]}
        is_new = cluster.on(node, "cat", "/var/lib/kilonode/life") != life
        cluster.on(node, "systemctl", "is-active", "kubelet")
        return is_new and conditions["Ready"] == "True"

    assert before
    eventually(ready, READY_SECONDS, f"{node} joins again")


@pytest.fixture
def no_registry() -> Iterator[None]:
    """No machine reaches the registry; it is there again afterwards."""
    fabric.remove_address(fabric.REGISTRY)
    try:
        yield
    finally:
        fabric.add_address(fabric.REGISTRY)


def waiting(cluster: Cluster, name: str) -> str:
    """Why its container does not run; empty if it does."""
    (status,) = cluster.get("pod", name)["status"]["containerStatuses"]
    return str(status["state"].get("waiting", {}).get("reason", ""))


def test_without_a_registry_a_node_that_is_new_runs_what_it_brought_along(
    cluster: Cluster, no_registry: None
) -> None:
    node = cluster.machines("cpu")[0]
    started_anew(cluster, node)
    (preloaded, *_) = manifest(cluster, node)["pool"]["images"]
    try:
        eventually(
            lambda: told(cluster, node)["kilonode_preloaded_images_missing"] == 0,
            SOON_SECONDS,
            "the pool's list is loaded from the mirror",
        )
        pod(cluster, "preloaded", node, preloaded, "sleep")
        # Nobody brought this along.
        pod(cluster, "pulled", node, "registry.k8s.io/kilonode/nobody-has-it:1")
        eventually(
            lambda: cluster.get("pod", "preloaded")["status"]["phase"] == "Running",
            SOON_SECONDS,
            "a preloaded image runs",
        )
        eventually(
            lambda: waiting(cluster, "pulled") in ("ErrImagePull", "ImagePullBackOff"),
            SOON_SECONDS,
            "the registry is really away",
        )
    finally:
        cluster.kubectl("delete", "pod", "preloaded", "pulled", "--ignore-not-found", "--wait")


@pytest.fixture
def broken_archive(cluster: Cluster) -> Iterator[None]:
    """The mirror serves half of the pause image's archive."""
    name = manifest(cluster, cluster.machines("cpu")[0])["pause"]["name"]
    archive = STATE / "mirror" / "images" / f"{name}.tar"
    kept = archive.with_suffix(".kept")
    # Its file is the toolchain's own, by a link: another one takes its place.
    archive.rename(kept)
    archive.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])
    try:
        yield
    finally:
        Path(kept).replace(archive)


def test_a_node_joins_with_a_broken_archive_and_tells(
    cluster: Cluster, broken_archive: None
) -> None:
    """And pulls the image, as it would without an archive."""
    node = cluster.machines("cpu")[1]
    started_anew(cluster, node)
    assert told(cluster, node)["kilonode_pause_image_missing"] == 1
    said = cluster.on(node, "journalctl", "--unit=pause-image", "--output=cat", "--no-pager")
    assert "wrong hash" in said
    with pytest.raises(subprocess.CalledProcessError):
        cluster.on(node, "test", "-e", PAUSE)
    pod(cluster, "unaided", node, manifest(cluster, node)["pool"]["images"][0], "sleep")
    try:
        eventually(
            lambda: cluster.get("pod", "unaided")["status"]["phase"] == "Running",
            SOON_SECONDS,
            "its pods run all the same",
        )
    finally:
        cluster.kubectl("delete", "pod", "unaided", "--wait")


def test_the_runbooks_step_mends_a_node_without_its_pause_image(cluster: Cluster) -> None:
    node = cluster.machines("cpu")[1]
    assert told(cluster, node)["kilonode_pause_image_missing"] == 1, "the test before left it so"
    cluster.on(node, "systemctl", "restart", "pause-image")
    assert told(cluster, node)["kilonode_pause_image_missing"] == 0
    cluster.on(node, "test", "-e", PAUSE)


def test_dns_is_whole_again_after_the_registry_was_away(cluster: Cluster) -> None:
    """Its pods on the new nodes wait longer and longer before they ask for their image again."""
    cluster.kubectl(
        *("--namespace=kube-system", "delete", "pod", "--selector=k8s-app=kube-dns"),
        "--field-selector=status.phase!=Running",
    )
    rollout = ("--namespace=kube-system", "rollout", "status", "deployment/kube-dns")
    cluster.kubectl(*rollout, "--timeout=180s")
