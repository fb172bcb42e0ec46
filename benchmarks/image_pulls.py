"""D11, D13, D15 on two nodes of the local cluster, one with the documents' setting, one without."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.local_cluster import (
    booted,
    changed_unit,
    delete_pods,
    phase,
    seconds_until,
    slow_registry,
    without,
)
from benchmarks.row import Row
from benchmarks.slow_registry import MIB, Pace, add_image
from local_azure import fabric
from tests.cluster.conftest import Cluster
from tests.cluster.objects import pod

BIG, RATE = 1024 * MIB, 16 * MIB  # bytes, and bytes per second
RATIO_AIM = 10.0
PULL_SECONDS = 300.0
SILENCE = 90.0
# Time for three attempts with a deadline of a minute and the kubelet's pauses between them.
GIVE_UP_SECONDS = 240.0
# How many pods start with the registry gone, and within which time.
PODS = 5
START_SECONDS = 60.0
KUBELET_FILE = "/etc/kilonode/kubelet.yaml"


def run(testbox: Path) -> list[Row]:
    """testbox: archive of the toolchain's image. Needs root."""
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as scratch:
        folder = Path(scratch)
        add_image(folder, "big", BIG, Pace(RATE), testbox)
        add_image(folder, "small", 4096, Pace(), testbox)
        add_image(folder, "silent", 4 * MIB, Pace(silence=SILENCE), testbox)
        with booted() as cluster, slow_registry(folder) as registry:
            return [
                beside_a_large_pull(cluster, registry),
                through_a_silence(cluster, registry),
                without_a_registry(cluster),
            ]


def beside_a_large_pull(cluster: Cluster, registry: str) -> Row:
    ours, other = cluster.machines("cpu")[:2]
    with serial_pulls(cluster, other), ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda node: small_pod(cluster, node, registry), (ours, other)))
    parallel, serial = both
    reached = serial / parallel >= RATIO_AIM
    return Row(
        f"a small pod until Running while {BIG // MIB:,} MiB are pulled at {RATE // MIB} MiB/s: "
        "side by side (D11), against one after another",
        f"{parallel:.1f} s",
        f"{serial:.1f} s",
        f"{serial / parallel:.0f} times as fast",
        f"≥ {RATIO_AIM:.0f} times",
        reached,
    )


@contextmanager
def serial_pulls(cluster: Cluster, node: str) -> Iterator[None]:
    """The kubelet's default, one image at a time. Its file has a cap that this does not go with."""
    kept = f"{KUBELET_FILE}.kept"
    cluster.on(node, "cp", KUBELET_FILE, kept)
    one = "s/^maxParallelImagePulls:.*/maxParallelImagePulls: 1/"
    cluster.on(node, "sed", "--in-place", one, KUBELET_FILE)
    flag = "--serialize-image-pulls=true"
    with changed_unit(cluster, node, "kubelet", "KUBELET_EXTRA_ARGS", flag):
        try:
            yield
        finally:
            cluster.on(node, "mv", kept, KUBELET_FILE)


def small_pod(cluster: Cluster, node: str, registry: str) -> float:
    """Seconds from asking for it until it runs; the large image is being pulled by then."""
    big, small = f"big-{node}", f"small-{node}"
    try:
        pod(cluster, big, node, f"{registry}/big:1", "sleep")
        asked = seconds_until(lambda: pulling(cluster, big), PULL_SECONDS)
        assert asked is not None, "the large image is not asked for"
        start = time.monotonic()
        pod(cluster, small, node, f"{registry}/small:1", "sleep")
        assert seconds_until(lambda: phase(cluster, small) == "Running", PULL_SECONDS) is not None
        return time.monotonic() - start
    finally:
        delete_pods(cluster, big, small)
        without(cluster, node, f"{registry}/big:1", f"{registry}/small:1")


def pulling(cluster: Cluster, name: str) -> bool:
    selector = f"--field-selector=involvedObject.name={name},reason=Pulling"
    return bool(cluster.get("events", selector)["items"])


def through_a_silence(cluster: Cluster, registry: str) -> Row:
    ours, other = cluster.machines("cpu")[:2]
    flag = "--image-pull-progress-deadline=1m"
    with (
        changed_unit(cluster, other, "cri-dockerd", "CRI_DOCKERD_EXTRA_ARGS", flag),
        ThreadPoolExecutor() as pool,
    ):
        names = [f"silent-{node}" for node in (ours, other)]
        try:
            for name, node in zip(names, (ours, other), strict=True):
                pod(cluster, name, node, f"{registry}/silent:1", "sleep")
            waits = pool.map(
                lambda name: seconds_until(
                    lambda: phase(cluster, name) == "Running", GIVE_UP_SECONDS
                ),
                names,
            )
            patient, impatient = waits
            cancelled = failures(cluster, names[1])
        finally:
            delete_pods(cluster, *names)
            for node in (ours, other):
                without(cluster, node, f"{registry}/silent:1")
    return Row(
        f"a pull that is silent for {SILENCE:.0f} s: a deadline of 30 minutes (D13), against 1",
        "no pod" if patient is None else f"the pod runs after {patient:.0f} s",
        f"no pod in {GIVE_UP_SECONDS:.0f} s" if impatient is None else f"{impatient:.0f} s",
        f"{cancelled} pulls cancelled with 1 minute",
        "runs, where 1 minute cancels",
        patient is not None and impatient is None and cancelled > 0,
    )


def failures(cluster: Cluster, name: str) -> int:
    """Pulls that failed, by the kubelet's events."""
    selector = f"--field-selector=involvedObject.name={name},reason=Failed"
    events = cluster.get("events", selector)["items"]
    return sum(one.get("count") or 1 for one in events if "Failed to pull" in one["message"])


def without_a_registry(cluster: Cluster) -> Row:
    """A node of each kind, with the registry gone; the first has what it brought along."""
    ours, other = cluster.machines("cpu")[:2]
    manifest = json.loads(cluster.on(ours, "cat", "/etc/kilonode/images.json"))
    pause, image = (manifest[kind]["images"][0] for kind in ("pause", "pool"))
    without(cluster, other, pause, image)
    fabric.remove_address(fabric.REGISTRY)
    try:
        with ThreadPoolExecutor() as pool:
            preloaded, bare = pool.map(lambda node: started(cluster, node, image), (ours, other))
    finally:
        fabric.add_address(fabric.REGISTRY)
        cluster.on(other, "systemctl", "restart", "pause-image", "preloaded-images")
    return Row(
        "pods that start with the registry gone, on a node with preloaded images (D15), "
        "against one without",
        f"{preloaded} of {PODS}",
        f"{bare} of {PODS} in {START_SECONDS:.0f} s",
        "pause and the pool's list from the mirror",
        "all, against none",
        preloaded == PODS and bare == 0,
    )


def started(cluster: Cluster, node: str, image: str) -> int:
    """How many of the pods run."""
    names = [f"{node}-{number}" for number in range(PODS)]

    def running() -> int:
        return sum(phase(cluster, name) == "Running" for name in names)

    try:
        for name in names:
            pod(cluster, name, node, image, "sleep")
        seconds_until(lambda: running() == PODS, START_SECONDS)
        return running()
    finally:
        delete_pods(cluster, *names)
