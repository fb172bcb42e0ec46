"""What etcd machines tell of themselves, over the network as Prometheus would ask for it."""

from __future__ import annotations

import re
from functools import partial

import pytest

from local_azure.machines.spec import load
from tests.cluster.conftest import Cluster, eventually


def scrape(cluster: Cluster, machine: str) -> dict[str, float]:
    """Metrics without labels that the machine's programs tell, asked for by another member."""
    spec = load(machine)
    assert spec is not None
    other = next(name for name in cluster.machines("etcd") if name != machine)
    text = cluster.on(other, "curl", "--silent", "--fail", f"http://{spec.address}:2384/metrics")
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("role", ["etcd", "events"])
def test_every_machine_tells_what_fio_found_its_disk_to_take(cluster: Cluster, role: str) -> None:
    for machine in cluster.machines(role):
        told = scrape(cluster, machine)
        p99 = told["kilonode_etcd_disk_fsync_p99_seconds"]
        assert 0 < p99 <= told["kilonode_etcd_disk_fsync_floor_seconds"]


@pytest.mark.parametrize("role", ["etcd", "events"])
def test_care_runs_on_every_machine(cluster: Cluster, role: str) -> None:
    def has_run(machine: str) -> bool:
        return "kilonode_etcd_care_last_run_timestamp_seconds" in scrape(cluster, machine)

    for machine in cluster.machines(role):
        eventually(partial(has_run, machine), 180, f"care has run on {machine}")
        shown = cluster.on(machine, "systemctl", "show", "--property=Result", "etcd-care.service")
        assert shown.strip() == "Result=success"
