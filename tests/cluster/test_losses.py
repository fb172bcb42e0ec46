"""One machine of each kind stopped at once: the API goes on, and all comes back without help."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable

import pytest

from tests.cluster.conftest import STATE, Cluster, eventually, local_azure

SETTLE_SECONDS = 15
LOAD_SECONDS = 60
PER_SECOND = 5
TIMEOUT = "2s"


def load(cluster: Cluster) -> tuple[int, list[str]]:
    """5 reads and 5 writes a second through the load balancer: requests made, and errors."""
    kubectl = [
        *("ip", "netns", "exec", "kilonode", cluster.bin("kubectl")),
        f"--kubeconfig={STATE / 'kubeconfig'}",
        f"--request-timeout={TIMEOUT}",
    ]
    errors: list[str] = []
    made = 0
    lock = threading.Lock()

    def every_tick(command: Callable[[int], list[str]]) -> None:
        nonlocal made
        start = time.monotonic()
        for tick in range(LOAD_SECONDS * PER_SECOND):
            time.sleep(max(0.0, start + tick / PER_SECOND - time.monotonic()))
            result = subprocess.run(
                kubectl + command(tick), capture_output=True, text=True, check=False
            )
            with lock:
                made += 1
                if result.returncode:
                    errors.append(result.stderr.strip())

    def read(_: int) -> list[str]:
        return ["get", "--raw", "/api/v1/namespaces/default/configmaps/load"]

    def write(tick: int) -> list[str]:
        patch = json.dumps({"data": {"tick": str(tick)}})
        return ["patch", "configmap", "load", "--type=merge", f"--patch={patch}"]

    threads = [threading.Thread(target=every_tick, args=(command,)) for command in (read, write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made, errors


def healthy(cluster: Cluster) -> bool:
    """Every etcd member and every master passes the gate that a deployment waits for."""
    for role in ("etcd", "events", "master"):
        for machine in cluster.machines(role):
            cluster.on(machine, "timeout", "10", "/opt/kilonode/bin/gate")
    return True


@pytest.mark.parametrize("lost", ["one of each", "all events members"])
def test_the_api_serves_without_an_error_while_machines_are_stopped(
    cluster: Cluster, lost: str
) -> None:
    if lost == "one of each":
        stopped = [cluster.machines(role)[0] for role in ("etcd", "events", "master")]
    else:
        stopped = cluster.machines("events")
    cluster.kubectl("create", "configmap", "load", "--from-literal=tick=0")
    try:
        for machine in stopped:
            local_azure("machines", "stop", machine)
        time.sleep(SETTLE_SECONDS)
        made, errors = load(cluster)
    finally:
        for machine in stopped:
            local_azure("machines", "start", machine)
        cluster.kubectl("delete", "configmap", "load")
    assert made == 2 * PER_SECOND * LOAD_SECONDS
    assert not errors, f"{len(errors)} of {made} requests failed: {errors[:3]}"
    eventually(lambda: healthy(cluster), 120, "all is healthy again without help")
