"""The real scheduler over a real apiserver, with nodes that are objects which are always ready.

No kubelet runs, and no controller that would miss it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.api_client import Client
from tests.api.control_plane import ControlPlane

_CLIENTS = 8
_PATIENCE_SECONDS = 600
_POD_PATH = "/api/v1/namespaces/default/pods"
_FILE = "/etc/kilonode/scheduler.yaml"
# Standard_D15_v2 (D1).
_NODE = {"cpu": "20", "memory": "140Gi", "pods": "110"}


@dataclass(frozen=True)
class Placed:
    """nodes: of each pod. rate: pods a second from the first that had a node."""

    nodes: Sequence[str]
    rate: float


@contextmanager
def started(programs: Path, nodes: int) -> Iterator[Scheduler]:
    """programs: folder of etcd, kube-apiserver, kube-scheduler and kubectl."""
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as scratch:
        control_plane = ControlPlane(Path(scratch), programs)
        try:
            control_plane.start()
            client = Client(control_plane.address, control_plane.api.kubeconfig)
            account = {"metadata": {"name": "default"}}
            client.send("POST", "/api/v1/namespaces/default/serviceaccounts", account)
            _all(lambda number: _create_node(client, f"node-{number}"), range(nodes))
            yield Scheduler(control_plane, client)
        finally:
            control_plane.end()


class Scheduler:
    """Of a cluster that has nodes and, between two calls of `place`, no pods."""

    def __init__(self, control_plane: ControlPlane, client: Client) -> None:
        self._control_plane = control_plane
        self._client = client

    @property
    def file(self) -> Path:
        """Its configuration, ours at first, read whenever `place` starts it."""
        return self._control_plane.master.path(_FILE)

    def place(self, pods: Sequence[dict[str, Any]]) -> Placed:
        """All pods wait when the scheduler starts; they are deleted once each has a node."""
        _all(lambda pod: self._client.send("POST", _POD_PATH, pod), pods)
        with self._running():
            deadline = time.monotonic() + _PATIENCE_SECONDS
            first = at_first = 0.0
            while (bound := len(nodes := self._nodes())) < len(pods):
                now = time.monotonic()
                assert now < deadline, f"{bound} of {len(pods)} pods have a node"
                if bound and not first:
                    first, at_first = now, bound
                time.sleep(0.05)
            seconds = time.monotonic() - first
        self._client.send("DELETE", f"{_POD_PATH}?gracePeriodSeconds=0")
        return Placed(nodes, (len(pods) - at_first) / seconds)

    @contextmanager
    def _running(self) -> Iterator[None]:
        service = self._control_plane.start_service("kube-scheduler")
        try:
            yield
        finally:
            # Told to end, it gives up its leadership, so the next one need not wait for it.
            service.process.terminate()
            service.process.wait()

    def _nodes(self) -> list[str]:
        """The node of each pod that has one."""
        selector = "fieldSelector=spec.nodeName!%3D&resourceVersion=0"
        pods = self._client.send("GET", f"{_POD_PATH}?{selector}")["items"]
        return [pod["spec"]["nodeName"] for pod in pods]


def _create_node(client: Client, name: str) -> None:
    labels = {"kubernetes.io/hostname": name}
    client.send("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
    merge = "application/merge-patch+json"
    ready = {"type": "Ready", "status": "True", "reason": "Benchmark"}
    status = {"capacity": _NODE, "allocatable": _NODE, "conditions": [ready]}
    client.send("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, merge)
    # What admission gives every new node, and a controller takes once it is ready.
    client.send("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, merge)


def _all(work: Callable[[Any], object], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(_CLIENTS) as pool:
        list(pool.map(work, items))
