"""A machine of each kind loses a disk or its host: it comes back by itself, while writes go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.cluster.conftest import Cluster, eventually, local_azure
from tests.cluster.objects import TESTBOX, pod
from tests.cluster.test_losses import healthy
from tests.cluster.writing import Writing

ROLES = ("etcd", "events", "master", "cpu")
ETCDCTL = "/opt/kilonode/bin/etcdctl-here"


def member_ids(cluster: Cluster, role: str) -> dict[str, str]:
    """Of the voters, by machine."""
    shown = cluster.on(cluster.machines(role)[-1], ETCDCTL, "member", "list")
    rows = [line.split(", ") for line in shown.splitlines()]
    return {row[2]: row[0] for row in rows if row[1] == "started" and row[5] == "false"}


def removed_while_stopped(cluster: Cluster, machine: str) -> None:
    """Its disk is of an earlier life when it comes back."""
    member = member_ids(cluster, "etcd")[machine]
    local_azure("machines", "stop", machine)
    cluster.on(cluster.machines("etcd")[-1], ETCDCTL, "member", "remove", member)
    local_azure("machines", "start", machine)


def runs_pods(cluster: Cluster, node: str) -> bool:
    """Whether a new pod on this very node gets an address and runs."""
    pod(cluster, f"on-{node}", node, TESTBOX, "resolve", "kubernetes.default.svc.cluster.local")
    done = "--for=jsonpath={.status.phase}=Succeeded"
    try:
        cluster.kubectl("wait", done, f"pod/on-{node}", "--timeout=60s")
    finally:
        cluster.kubectl("delete", "pod", f"on-{node}", "--force")
    return True


def lose(losses: Mapping[str, Sequence[str]]) -> None:
    """What befalls each machine; all of them at the same time."""

    def each(machine: str) -> None:
        for verb in losses[machine]:
            local_azure("machines", verb, machine)

    with ThreadPoolExecutor() as pool:
        list(pool.map(each, losses))


DEALLOCATE, REDEPLOY, REIMAGE = ("deallocate", "start"), ("redeploy",), ("reimage",)


@pytest.mark.parametrize(
    ("verbs", "same_member"),
    [
        # A blank local disk either way, so each role has one of them, and in `make soak` both.
        pytest.param(
            {"etcd": DEALLOCATE, "events": REDEPLOY, "master": DEALLOCATE, "cpu": REDEPLOY},
            False,
            id="deallocate or redeploy: blank local disks",
        ),
        pytest.param(dict.fromkeys(ROLES, REIMAGE), True, id="reimage: new system disk"),
        pytest.param(
            dict.fromkeys(ROLES, DEALLOCATE),
            False,
            id="deallocate: blank local disk",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            dict.fromkeys(ROLES, REDEPLOY),
            False,
            id="redeploy: another host, blank local disk",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_one_machine_of_each_kind_heals_hands_off(
    cluster: Cluster, verbs: Mapping[str, Sequence[str]], same_member: bool
) -> None:
    lost = {role: cluster.machines(role)[0] for role in ROLES}
    before = {role: member_ids(cluster, role) for role in ("etcd", "events")}
    node = cluster.get("node", lost["cpu"])["metadata"]["uid"]
    with Writing(cluster) as writing:
        lose({lost[role]: verbs[role] for role in ROLES})
        eventually(lambda: healthy(cluster), 240, "all members are voters again, masters answer")
        for role in ("master", "cpu"):
            eventually(partial(runs_pods, cluster, lost[role]), 240, "pods run there")
    for role, members in before.items():
        after = member_ids(cluster, role)
        assert after.keys() == members.keys()
        assert (after[lost[role]] == members[lost[role]]) == same_member
    assert cluster.get("node", lost["cpu"])["metadata"]["uid"] == node, "it is the same node"
    assert writing.acknowledged
    assert not writing.lost(), "an acknowledged write is never lost"


@pytest.mark.soak
def test_a_member_that_was_removed_while_it_was_stopped_joins_as_a_new_one(
    cluster: Cluster,
) -> None:
    """What the program decides then, tests/etcd shows with real members in every run."""
    machine = cluster.machines("etcd")[0]
    before = member_ids(cluster, "etcd")
    with Writing(cluster) as writing:
        removed_while_stopped(cluster, machine)
        eventually(lambda: healthy(cluster), 180, f"{machine} is a voter again")
    after = member_ids(cluster, "etcd")
    assert after.keys() == before.keys()
    assert after[machine] != before[machine]
    assert not writing.lost(), "an acknowledged write is never lost"
