"""D16: bytes between two nodes, pod to pod through flannel's VXLAN and with the host's network.

All machines share one kernel, so what the tunnel costs is in the processors more than in the rate:
their time is counted for each gigabyte, less what the rest of the cluster takes anyway.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.local_cluster import booted, delete_pods, phase, seconds_until
from benchmarks.row import Row
from tests.cluster.conftest import Cluster
from tests.cluster.objects import TESTBOX, pod

SECONDS = 8.0
ROUNDS = 3
PORT = 20999
START_SECONDS = 120.0
# Run on a machine, in a pod's network namespace or its own.
RECEIVE = f"""
import socket
with socket.create_server(("0.0.0.0", {PORT})) as server:
    server.settimeout(60)
    peer, _ = server.accept()
    buffer, total = bytearray(1 << 20), 0
    while got := peer.recv_into(buffer):
        total += got
print(total)
"""
SEND = f"""
import socket, sys, time
block, end = bytes(1 << 20), time.monotonic() + {SECONDS}
for _ in range(100):
    try:
        peer = socket.create_connection((sys.argv[1], {PORT}), timeout=5)
        break
    except OSError:
        time.sleep(0.1)
while time.monotonic() < end:
    peer.sendall(block)
peer.close()
"""


@dataclass(frozen=True)
class Flow:
    """Gbit/s, and seconds of processors for each GB."""

    rate: float
    cost: float

    def __str__(self) -> str:
        return f"{self.rate:.2f} Gbit/s, {self.cost:.2f} CPU s/GB"


def run() -> list[Row]:
    """Needs root."""
    with booted() as cluster:
        nodes = cluster.machines("cpu")[:2]
        names = [f"flow-{node}" for node in nodes]
        try:
            for name, node in zip(names, nodes, strict=True):
                pod(cluster, name, node, TESTBOX, "sleep")
            ready = seconds_until(
                lambda: all(phase(cluster, name) == "Running" for name in names), START_SECONDS
            )
            assert ready is not None, "the pods do not run"
            arms: dict[str, list[Flow]] = {"host": [], "pods": []}
            for _ in range(ROUNDS):
                for arm, flows in arms.items():
                    flows.append(flow(cluster, nodes, names if arm == "pods" else None))
        finally:
            delete_pods(cluster, *names)
    host, pods = (
        Flow(median(one.rate for one in flows), median(one.cost for one in flows))
        for flows in arms.values()
    )
    return [
        Row(
            "bytes from node to node with the host's network (D16), against pods through VXLAN",
            str(host),
            str(pods),
            f"{host.rate / pods.rate:.1f} times the rate, "
            f"{1 - host.cost / pods.cost:.0%} less CPU for each GB",
            "less CPU for each GB",
            host.cost < pods.cost,
        )
    ]


def flow(cluster: Cluster, nodes: list[str], pods: list[str] | None) -> Flow:
    """From the second node to the first; `pods`: in the network of these."""
    if pods:
        enter = [inside(cluster, node, name) for node, name in zip(nodes, pods, strict=True)]
        address = cluster.get("pod", pods[0])["status"]["podIP"]
    else:
        enter = [[], []]
        address = cluster.get("pod", f"flow-{nodes[0]}")["status"]["hostIP"]
    idle = busy_rate()
    with ThreadPoolExecutor() as pool:
        before, start = busy(), time.monotonic()
        receiver = pool.submit(cluster.on, nodes[0], *enter[0], "python3", "-c", RECEIVE)
        cluster.on(nodes[1], *enter[1], "python3", "-c", SEND, address)
        gigabytes = int(receiver.result()) / 1e9
        took, used = time.monotonic() - start, busy() - before
    return Flow(gigabytes * 8 / SECONDS, max(0.0, used - idle * took) / gigabytes)


def inside(cluster: Cluster, node: str, name: str) -> list[str]:
    """The words that enter the pod's network namespace."""
    label = f"label=io.kubernetes.pod.name={name}"
    container = cluster.on(node, "docker", "ps", "--quiet", "--filter", label).split()[0]
    pid = cluster.on(node, "docker", "inspect", "--format={{.State.Pid}}", container).strip()
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def busy() -> float:
    """Seconds that the host's processors have worked since it started."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / os.sysconf("SC_CLK_TCK")


def busy_rate() -> float:
    """What all else takes: processors' seconds per second."""
    before, start = busy(), time.monotonic()
    time.sleep(SECONDS / 2)
    return (busy() - before) / (time.monotonic() - start)
