"""The local cluster for benchmarks: booted for them, unless it is there already."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.slow_registry import serving
from local_azure import fabric
from local_azure.machines.spec import machines
from local_azure.services.authority import Authority
from tests.cluster.conftest import STATE, Cluster, fingerprint, make

# Of a registry beside the cluster's own.
SLOW_REGISTRY = "198.18.0.5"
PORT = 443


@contextmanager
def booted() -> Iterator[Cluster]:
    """Ends it only where it was not there before."""
    there = any(spec.power == "running" for spec in machines())
    cluster = Cluster({} if there else fingerprint())
    make("up")
    try:
        yield cluster
    finally:
        if not there:
            make("down")


@contextmanager
def slow_registry(folder: Path) -> Iterator[str]:
    """Serves the images of `folder` in the fabric; machines trust its certificate."""
    authority = Authority(STATE / "ca")
    tls = authority.issue("slow-registry", [], [SLOW_REGISTRY])
    fabric.add_address(SLOW_REGISTRY)
    try:
        inside = fabric.inside()
        with serving(folder, SLOW_REGISTRY, PORT, *tls, prefix=inside):
            yield SLOW_REGISTRY
    finally:
        fabric.remove_address(SLOW_REGISTRY)


def phase(cluster: Cluster, name: str) -> str:
    return str(cluster.get("pod", name)["status"]["phase"])


def seconds_until(holds: Callable[[], bool], limit: float) -> float | None:
    """None if it does not hold within the limit."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > limit:
            return None
        time.sleep(0.1)
    return time.monotonic() - start


def delete_pods(cluster: Cluster, *names: str) -> None:
    cluster.kubectl("delete", "pod", *names, "--ignore-not-found", "--force", "--grace-period=0")


@contextmanager
def changed_unit(
    cluster: Cluster, machine: str, unit: str, variable: str, flag: str
) -> Iterator[None]:
    """The unit runs with one more flag, which is the last and so the one that counts."""
    known = cluster.on(machine, "grep", f"^{variable}=", "/etc/kilonode/machine.env")
    before = known.strip().partition("=")[2].strip('"')
    folder = f"/run/systemd/system/{unit}.service.d"
    script = f"""
mkdir -p {folder}
printf '[Service]\\nEnvironmentFile=/run/bench-{unit}.env\\n' >{folder}/bench.conf
printf '{variable}="{before} {flag}"\\n' >/run/bench-{unit}.env
systemctl daemon-reload && systemctl restart {unit}
"""
    try:
        cluster.on(machine, "sh", "-c", script)
        yield
    finally:
        undo = f"rm -rf {folder} /run/bench-{unit}.env && systemctl daemon-reload"
        cluster.on(machine, "sh", "-c", f"{undo} && systemctl restart {unit}")


def without(cluster: Cluster, machine: str, *images: str) -> None:
    """Docker forgets their names, whatever still runs of them."""
    for image in images:
        try:
            cluster.on(machine, "docker", "image", "rm", "--force", image)
        except subprocess.CalledProcessError:
            continue  # It was not there.
