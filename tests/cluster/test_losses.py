"""One machine of each kind stopped at once: the API goes on, and all comes back without help."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cluster.conftest import STATE, TOP, Cluster, eventually, local_azure

SETTLE_SECONDS = 15
# Every request finds its own way through the load balancer, so that what is lost shows in seconds;
# the longer one outlasts every time-out of an apiserver.
LOAD_SECONDS = [60, pytest.param(300, marks=pytest.mark.soak)]
PER_SECOND = 5


def load(seconds: int) -> tuple[int, list[str]]:
    """5 reads and 5 writes a second through the load balancer: requests made, and errors."""
    shown = subprocess.run(
        [
            *("ip", "netns", "exec", "kilonode", sys.executable, "-m", "tests.cluster.load"),
            f"--kubeconfig={STATE / 'kubeconfig'}",
            f"--seconds={seconds}",
            f"--per-second={PER_SECOND}",
        ],
        cwd=TOP,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    result = json.loads(shown)
    return result["made"], result["errors"]


def healthy(cluster: Cluster) -> bool:
    """Every etcd member and every master passes the gate that a deployment waits for."""
    names = [name for role in ("etcd", "events", "master") for name in cluster.machines(role)]
    cluster.on_all(names, "timeout", "20", "/opt/kilonode/bin/gate")
    return True


def each(verb: str, machines: list[str]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda machine: local_azure("machines", verb, machine), machines))


@pytest.mark.parametrize("seconds", LOAD_SECONDS)
@pytest.mark.parametrize("lost", ["one of each", "all events members"])
def test_the_api_serves_without_an_error_while_machines_are_stopped(
    cluster: Cluster, lost: str, seconds: int
) -> None:
    if lost == "one of each":
        stopped = [cluster.machines(role)[0] for role in ("etcd", "events", "master")]
    else:
        stopped = cluster.machines("events")
    cluster.kubectl("create", "configmap", "load", "--from-literal=tick=0")
    try:
        each("stop", stopped)
        time.sleep(SETTLE_SECONDS)
        made, errors = load(seconds)
    finally:
        each("start", stopped)
        cluster.kubectl("delete", "configmap", "load")
    assert made == 2 * PER_SECOND * seconds
    assert not errors, f"{len(errors)} of {made} requests failed: {errors[:3]}"
    eventually(lambda: healthy(cluster), 120, "all is healthy again without help")
