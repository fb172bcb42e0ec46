"""docs/operations.md holds: its commands do on machines what it says, and lose nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from local_azure.machines import cgroup, machine
from local_azure.machines.spec import load
from tests.cluster.conftest import Cluster, azure_writes, eventually
from tests.cluster.objects import event
from tests.cluster.operations_page import typed
from tests.cluster.test_losses import each, healthy
from tests.cluster.test_machines_heal import ETCDCTL, member_ids
from tests.cluster.writing import Writing

SNAPSHOT = re.compile(r"snapshots/\S+\.db")


def hosts_die(names: Sequence[str]) -> None:
    """All at the same time; the machines are on other hosts afterwards, and were told nothing."""
    for name in names:
        spec = load(name)
        assert spec is not None
        cgroup.kill(machine.group(spec))
    each("deallocate", list(names))
    each("start", list(names))


def says(cluster: Cluster, machine: str, unit: str, word: str) -> bool:
    return word in cluster.on(machine, "journalctl", "--no-pager", "--boot", f"--unit={unit}")


def nodes_ready(cluster: Cluster) -> bool:
    nodes = [node["status"]["conditions"] for node in cluster.get("nodes")["items"]]
    ready = {"type": "Ready", "status": "True"}
    return all(any(ready.items() <= one.items() for one in conditions) for conditions in nodes)


def test_a_look_tells_which_situation_it_is(cluster: Cluster) -> None:
    eventually(lambda: healthy(cluster), 120, "all is healthy")
    shown = typed("situation")
    for name in cluster.machines("etcd"):
        assert re.search(rf"^{name} .*running$", shown, re.MULTILINE), "the list of machines"
        assert re.search(rf"started \| +{name} ", shown), "the list of members"
    assert shown.count("is healthy:") == len(cluster.machines("etcd"))


def test_a_restore_is_refused_while_a_quorum_lives(cluster: Cluster) -> None:
    before = member_ids(cluster, "etcd")
    assert "a quorum lives" in typed("restore-look", refused=True)
    assert "a quorum lives" in typed("restore", refused=True)
    assert member_ids(cluster, "etcd") == before


def test_a_snapshot_taken_now_is_listed_and_can_be_rehearsed(cluster: Cluster) -> None:
    taken = SNAPSHOT.search(typed("snapshot-now"))
    assert taken
    assert taken[0] in typed("snapshots")
    shown = typed("rehearse")
    keys = re.search(r"can be restored: (\d+) keys", shown)
    assert keys
    assert int(keys[1]) > 0
    assert healthy(cluster), "the cluster was not touched"


def test_what_alerts_name_shows_what_it_should(cluster: Cluster) -> None:
    voters = len(cluster.machines("etcd"))
    assert typed("promotion").count("| https://") == voters
    assert "kilonode_etcd_disk_fsync_p99_seconds" in typed("disk")
    shown = typed("quota")
    assert shown.count("| https://") == voters
    assert "NOSPACE" not in shown
    assert re.search(r"notAfter=.* GMT", typed("certificates"))
    typed("remove-old-data")
    assert "etcd.old" not in cluster.on("local-etcd-a", "ls", "/mnt/local")


def test_a_machine_that_hangs_comes_back_on_another_host(cluster: Cluster) -> None:
    before = member_ids(cluster, "etcd")
    with Writing(cluster) as writing:
        typed("redeploy")
        eventually(lambda: healthy(cluster), 240, "it is a voter again")
    after = member_ids(cluster, "etcd")
    assert {name for name in before if after[name] != before[name]} == {"local-etcd-c"}
    assert writing.acknowledged
    assert not writing.lost(), "an acknowledged write is never lost"


def test_a_master_that_is_gone_is_made_again_and_nothing_else_is(cluster: Cluster) -> None:
    """It is the first, which is to ask about etcd: it is not asked while it is dead."""
    spec = load("local-master-a")
    assert spec is not None
    since = len(azure_writes())
    cgroup.kill(machine.group(spec))
    typed("new-machine")
    kinds = ("compute:VirtualMachine", "compute:VirtualMachineScaleSet")
    written = [line.split()[1:] for line in azure_writes()[since:]]
    machines = [(verb, id_.rpartition("/")[2]) for verb, kind, id_ in written if kind in kinds]
    assert machines == [("DELETE", "local-master-a"), ("PUT", "local-master-a")]
    eventually(lambda: healthy(cluster), 120, "all is healthy")
    eventually(lambda: nodes_ready(cluster), 120, "its kubelet joins again")


def test_a_lost_majority_is_restored_from_the_member_that_is_left(cluster: Cluster) -> None:
    """It serves nobody, as it was started again, so what it knows has to be saved first."""
    a, b, c = cluster.machines("etcd")
    with Writing(cluster) as writing:
        eventually(lambda: len(writing.acknowledged) > 3, 60, "there are writes")
    last = max(writing.acknowledged)
    eventually(lambda: knows(cluster, b, last), 60, "what is left has heard of the last write")
    hosts_die([a, c])
    cluster.on(b, "systemctl", "restart", "--no-block", "etcd.service")
    eventually(
        lambda: (
            says(cluster, a, "etcd-member", "lost its quorum")
            or says(cluster, a, "etcd-member", "operator has to restore")
        ),
        120,
        "the blank ones wait",
    )
    eventually(
        lambda: "objection:" in typed("restore-look", refused=True), 120, "the member is heard of"
    )
    assert "see the objections" in typed("restore", refused=True)
    saved = SNAPSHOT.search(typed("save-own"))
    assert saved
    shown = typed("restore-look", refused=True)
    assert saved[0] in shown
    assert "objection:" not in shown
    assert "restored: local-etcd-a is the cluster" in typed("restore")
    eventually(lambda: healthy(cluster), 240, "all have joined, and the apiservers go on")
    assert not writing.lost(), "the member that was left knew every acknowledged write"


def knows(cluster: Cluster, machine: str, configmap: str) -> bool:
    key = f"/registry/configmaps/default/{configmap}"
    return key in cluster.on(machine, ETCDCTL, "get", "--consistency=s", "--keys-only", key)


def test_a_cluster_that_is_stopped_for_the_night_has_lost_nothing_in_the_morning(
    cluster: Cluster,
) -> None:
    with Writing(cluster) as writing:
        eventually(lambda: len(writing.acknowledged) > 3, 60, "there are writes")
        typed("stop-all")
    typed("start-all")
    a = "local-etcd-a"
    eventually(
        lambda: says(cluster, a, "etcd-member", "operator has to restore"),
        120,
        "a waits and says so",
    )
    shown = typed("restore-look", refused=True)
    assert "newest data: snapshots/stop/" in shown
    assert "nothing was changed" in shown
    typed("restore")
    eventually(lambda: healthy(cluster), 240, "all have joined, and the apiservers go on")
    eventually(lambda: nodes_ready(cluster), 120, "kubelets go on")
    assert writing.acknowledged
    assert not writing.lost(), "an acknowledged write is never lost by a clean stop"


def test_events_begin_anew_while_the_api_goes_on_writing(cluster: Cluster) -> None:
    before = member_ids(cluster, "events")
    with Writing(cluster) as writing:
        hosts_die(cluster.machines("events"))
        eventually(lambda: healthy(cluster), 240, "there is a new events cluster, without help")
        written = len(writing.acknowledged)
        eventually(lambda: len(writing.acknowledged) > written, 60, "writes go on")
    assert typed("events").count("is healthy:") == len(before)
    assert not set(member_ids(cluster, "events").values()) & set(before.values())
    assert not writing.lost(), "losing events costs events only"

    def is_kept() -> bool:
        event(cluster, "anew")
        return bool(cluster.get("event", "anew"))

    eventually(is_kept, 120, "events are kept again")
    found = cluster.on("local-events-a", "/opt/kilonode/bin/etcdctl-here", "get", "compact_rev_key")
    assert found, "an apiserver that knew the key and finds none ends in a panic"
