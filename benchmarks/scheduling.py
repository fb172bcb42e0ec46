"""D9: what the documents' scoring leaves empty, and what it costs, against the scheduler's default.

Nodes are objects that are always ready: no kubelet runs, and no controller that would miss it. Both
arms are the real scheduler with the same limits on its requests, over the same real apiserver.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks.api_client import Client
from benchmarks.row import Row
from tests.api.control_plane import ControlPlane

NODES = 1000
PODS = 1000
EMPTY_AIM = 740
LOSS_AIM = 0.10
# Each arm comes first and last once, so that a box that warms up favours neither.
ORDER = ("default", "ours", "ours", "default")

_CLIENTS = 8
_PATIENCE_SECONDS = 600
_POD_PATH = "/api/v1/namespaces/default/pods"
# Standard_D15_v2 (D1), and a quarter of it.
_NODE = {"cpu": "20", "memory": "140Gi", "pods": "110"}
_REQUEST = {"cpu": "5", "memory": "35Gi"}
_SCHEDULER_FILE = "/etc/kilonode/scheduler.yaml"


@dataclass(frozen=True)
class Result:
    """empty: nodes without a pod. rate: pods a second."""

    empty: int
    rate: float


def run(programs: Path) -> list[Row]:
    """programs: folder of etcd, kube-apiserver, kube-scheduler and kubectl."""
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as scratch:
        control_plane = ControlPlane(Path(scratch), programs)
        try:
            control_plane.start()
            client = Client(control_plane.address, control_plane.api.kubeconfig)
            results = _both_arms(control_plane, client)
        finally:
            control_plane.end()
    ours, default = results["ours"], results["default"]
    loss = 1 - ours.rate / default.rate
    return [
        Row(
            f"empty nodes of {NODES:,} after {PODS:,} pods of a quarter node (D9)",
            str(ours.empty),
            str(default.empty),
            f"{ours.empty - default.empty:+}",
            f"≥ {EMPTY_AIM}",
            ours.empty >= EMPTY_AIM,
        ),
        Row(
            "pods scheduled a second meanwhile",
            f"{ours.rate:.0f}",
            f"{default.rate:.0f}",
            f"{-loss:+.0%}",
            f"loss ≤ {LOSS_AIM:.0%}",
            loss <= LOSS_AIM,
        ),
    ]


def _both_arms(control_plane: ControlPlane, client: Client) -> Mapping[str, Result]:
    file = control_plane.master.path(_SCHEDULER_FILE)
    ours = yaml.safe_load(file.read_text())
    configurations = {
        "ours": ours,
        # Its own profile, in all but the requests that it may send.
        "default": {key: ours[key] for key in ("apiVersion", "kind", "clientConnection")},
    }
    account = {"metadata": {"name": "default"}}
    client.send("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    _all(lambda number: _create_node(client, number), range(NODES))
    results: dict[str, list[Result]] = {arm: [] for arm in configurations}
    for arm in ORDER:
        file.write_text(yaml.safe_dump(configurations[arm]))
        results[arm].append(_schedule(control_plane, client))
    return {
        arm: Result(min(one.empty for one in runs), median(one.rate for one in runs))
        for arm, runs in results.items()
    }


def _schedule(control_plane: ControlPlane, client: Client) -> Result:
    """All pods wait when the scheduler starts; the clock starts with the first that has a node."""
    _all(lambda number: client.send("POST", _POD_PATH, _pod(number)), range(PODS))
    with _scheduler(control_plane):
        deadline = time.monotonic() + _PATIENCE_SECONDS
        first = at_first = 0.0
        while (bound := len(nodes := _nodes(client))) < PODS:
            now = time.monotonic()
            assert now < deadline, f"{bound} of {PODS} pods have a node after {_PATIENCE_SECONDS} s"
            if bound and not first:
                first, at_first = now, bound
            time.sleep(0.05)
        seconds = time.monotonic() - first
    client.send("DELETE", f"{_POD_PATH}?gracePeriodSeconds=0")
    return Result(NODES - len(Counter(nodes)), (PODS - at_first) / seconds)


@contextmanager
def _scheduler(control_plane: ControlPlane) -> Iterator[None]:
    service = control_plane.start_service("kube-scheduler")
    try:
        yield
    finally:
        # Told to end, it gives up its leadership, so the next one need not wait for it.
        service.process.terminate()
        service.process.wait()


def _nodes(client: Client) -> list[str]:
    """The node of each pod that has one."""
    selector = "fieldSelector=spec.nodeName!%3D&resourceVersion=0"
    pods = client.send("GET", f"{_POD_PATH}?{selector}")["items"]
    return [pod["spec"]["nodeName"] for pod in pods]


def _create_node(client: Client, number: int) -> None:
    name = f"node-{number}"
    client.send("POST", "/api/v1/nodes", {"metadata": {"name": name}})
    merge = "application/merge-patch+json"
    ready = {"type": "Ready", "status": "True", "reason": "Benchmark"}
    status = {"capacity": _NODE, "allocatable": _NODE, "conditions": [ready]}
    client.send("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, merge)
    # What admission gives every new node, and a controller takes once it is ready.
    client.send("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, merge)


def _pod(number: int) -> dict[str, Any]:
    container = {"name": "one", "image": "none", "resources": {"requests": _REQUEST}}
    return {"metadata": {"name": f"pod-{number}"}, "spec": {"containers": [container]}}


def _all(work: Any, numbers: Iterable[int]) -> None:
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(work, numbers))
