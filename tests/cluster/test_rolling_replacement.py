"""`make up` with a changed etcd setting: members are replaced one after another, while all goes on.

The last tests on the cluster: afterwards it is not what the project's own stack file says.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.conftest import STATE, TOP, Cluster, azure_writes, eventually, make
from tests.cluster.project import with_main_etcd
from tests.cluster.test_losses import healthy
from tests.cluster.test_machines_heal import member_ids
from tests.cluster.writing import Writing

pytestmark = pytest.mark.ends_cluster

GIB = 1024**3
AVAILABILITY = 0.999


@contextmanager
def reading() -> Iterator[dict[str, list[str]]]:
    """A ConfigMap is read every 100 ms, each time for at most 1 s: {made, errors} at the end."""
    result: dict[str, list[str]] = {}
    with subprocess.Popen(
        [
            *("ip", "netns", "exec", "kilonode", sys.executable, "-m", "tests.cluster.load"),
            *(f"--kubeconfig={STATE / 'kubeconfig'}", "--until-stdin-ends"),
            *("--per-second=10", "--timeout=1", "--reads-only"),
        ],
        cwd=TOP,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield result
        result |= json.loads(process.communicate()[0])


def etcd_writes(since: int) -> list[tuple[str, str]]:
    """Verb and name of what was done to the main members' VMs, in order."""
    lines = [line.split() for line in azure_writes()[since:]]
    return [
        (verb, name)
        for _, verb, kind, resource in lines
        if kind == "compute:VirtualMachine"
        and (name := resource.rpartition("/")[2]).startswith("local-etcd-")
    ]


def test_a_sick_member_stops_an_update_before_anything_is_deleted(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The sick one is the last in the chain: the first two would be gone by then."""
    sick = cluster.machines("etcd")[-1]
    since = len(azure_writes())
    cluster.on(sick, "systemctl", "stop", "etcd.service")
    try:
        shown = make("up", check=False, top=with_main_etcd(tmp_path, quotaBytes=4 * GIB))
        assert shown.returncode != 0
        assert sick in shown.stdout, "the error names the member"
        assert not etcd_writes(since), "nothing was deleted"
    finally:
        cluster.on(sick, "systemctl", "start", "--no-block", "etcd.service")
    eventually(lambda: healthy(cluster), 120, "all is healthy again")


def test_members_are_replaced_one_after_another_and_no_write_is_lost(
    cluster: Cluster, tmp_path: Path
) -> None:
    before = member_ids(cluster, "etcd")
    since = len(azure_writes())
    with Writing(cluster) as writing:
        make("up", top=with_main_etcd(tmp_path, quotaBytes=4 * GIB))
    names = cluster.machines("etcd")
    assert etcd_writes(since) == [(verb, name) for name in names for verb in ("DELETE", "PUT")], (
        "one is gated before the next is deleted"
    )
    after = member_ids(cluster, "etcd")
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    for name in names:
        assert f"--quota-backend-bytes={4 * GIB}" in cluster.on(name, "pgrep", "-a", "etcd")
    assert writing.acknowledged
    assert not writing.lost(), "an acknowledged write is never lost"


@pytest.mark.soak
def test_reads_go_on_while_members_are_replaced(cluster: Cluster, tmp_path: Path) -> None:
    """A share of reads that are answered in time, so it wants a machine that does nothing else."""
    since = len(azure_writes())
    cluster.kubectl("create", "configmap", "load", "--from-literal=tick=0")
    try:
        with reading() as reads:
            make("up", top=with_main_etcd(tmp_path, quotaBytes=5 * GIB))
    finally:
        cluster.kubectl("delete", "configmap", "load")
    assert etcd_writes(since), "members were replaced"
    made, errors = int(str(reads["made"])), reads["errors"]
    assert len(errors) <= (1 - AVAILABILITY) * made, f"{len(errors)} of {made}: {errors[:3]}"
