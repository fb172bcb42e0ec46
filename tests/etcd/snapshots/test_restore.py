"""Clusters that lost their quorum, made again from snapshots with real members."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from kilonode.etcd import (
    birth_record,
    own_snapshot,
    snapshot,
    snapshot_store,
)
from kilonode.etcd.decision import Record, SetAside, decide
from kilonode.etcd.restore import RestoreError, describe
from kilonode.etcd.running import Running

from tests.etcd.machine import CLIENT_PORT, METRICS_PORT, eventually
from tests.etcd.snapshots.clusters import (
    COUNT,
    born,
    carry_out,
    kept,
    lose,
    revision,
    written,
)
from tests.etcd.snapshots.programs import restoring, workshop
from tests.etcd.world import Launch, World


def test_all_that_the_snapshot_held_is_back_and_the_others_join(machine: Launch) -> None:
    a, b, c = born(machine, "abc")
    before = revision(a)
    lose(a, b, c)
    carry_out(b)
    a.boot()
    c.boot()
    for each in (a, b, c):
        assert each.etcdctl("get", "key 7", "--print-value-only").strip() == "value 7"
    assert a.client.count(a.me.address) == COUNT
    assert {entry.name for entry in b.members()} == {each.me.name for each in (a, b, c)}
    record = birth_record.read(b.container)
    assert isinstance(record, Record)
    assert record.founder == b.me.name
    assert record.cluster_id == b.client.status(b.me.address).cluster_id
    assert revision(b) >= record.revision == before + snapshot.BUMP


def test_who_watched_before_is_told_that_his_knowledge_is_old(machine: Launch) -> None:
    """Otherwise an apiserver would go on from a revision that means something else by now."""
    a, b = born(machine, "ab")
    a.etcdctl("put", "lost", "x")
    seen = revision(a)
    lose(a, b)
    carried = restoring(a)
    carried.carry_out(carried.plan())
    assert revision(a) > seen
    watch = [
        *(str(Path(a.places.etcd).parent / "etcdctl"), "watch", "key", f"--rev={seen + 1}"),
        f"--endpoints=https://{a.me.address}:{CLIENT_PORT}",
        *(f"--cacert={a.places.pki}/ca.crt", f"--cert={a.places.pki}/member.crt"),
        f"--key={a.places.pki}/member.key",
    ]
    told = subprocess.run(watch, capture_output=True, text=True, timeout=20, check=False)
    assert "required revision has been compacted" in told.stderr


def test_a_second_restore_goes_beyond_all_that_the_first_has_shown(machine: Launch) -> None:
    (a,) = born(machine, "a")
    lose(a)
    carried = restoring(a)
    carried.carry_out(carried.plan())
    a.etcdctl("put", "after the first", "x")
    seen = revision(a)
    lose(a)
    # No snapshot of that life: the same is restored again.
    carried = restoring(a)
    plan = carried.plan()
    assert any("an earlier life" in line for line in describe(plan))
    carried.carry_out(plan)
    assert revision(a) > seen
    assert a.client.count(a.me.address) == COUNT


def test_a_survivor_that_knows_more_than_the_snapshot_is_the_source(machine: Launch) -> None:
    a, b, c = born(machine, "abc")
    b.etcdctl("put", "after the snapshot", "x")
    eventually(lambda: revision(a) == revision(b), "a knows what b knows")
    lose(b, c)
    carried = restoring(b)
    plan = carried.plan()
    assert isinstance(plan.source, Running)
    assert plan.source.address == a.me.address
    carried.carry_out(plan)
    assert "after the snapshot" in written(b)
    assert any(one.name.endswith("-restore-b.db") for one in kept(b))


def test_data_of_the_older_life_never_rises_beside_the_restored_cluster(machine: Launch) -> None:
    a, b, c = born(machine, "abc")
    # Two that are only stopped: with their data, they would be a quorum of the older life.
    a.stop()
    b.stop()
    lose(c)
    carried = restoring(c)
    carried.carry_out(carried.plan())
    for each in (a, b):
        assert isinstance(decide(each.preparation().look()), SetAside)
        each.boot()
    assert len({each.client.status(each.me.address).cluster_id for each in (a, b, c)}) == 1
    assert len(c.members()) == 3


def test_of_two_that_restore_at_once_one_wins(machine: Launch) -> None:
    a, b = born(machine, "ab")
    lose(a, b)
    plans = [restoring(each).plan() for each in (a, b)]
    restoring(a).carry_out(plans[0])
    with pytest.raises(OSError, match="ConditionNotMet"):
        restoring(b).carry_out(plans[1])
    assert b.running, "it was stopped for this, and joins the other one's cluster by itself"
    b.wait_until_voter()
    assert len(a.members()) == 2


def test_another_snapshot_is_used_by_name_and_the_loss_is_counted(machine: Launch) -> None:
    (a,) = born(machine, "a")
    (first,) = kept(a)
    a.etcdctl("put", "later", "x")
    snapshot.take(a.me.address, workshop(a), reason="change")
    lose(a)
    carried = restoring(a)
    assert carried.plan().source != first
    plan = carried.plan(first.name)
    assert "at least 1 writes are lost" in "\n".join(describe(plan))
    carried.carry_out(plan)
    assert "later" not in written(a)
    with pytest.raises(RestoreError, match="a quorum lives"):
        restoring(a).plan("snapshots/change/none.db")


def test_what_the_durable_learner_has_is_the_source_once_all_voters_lost_theirs(
    world: World,
) -> None:
    world.declare("ab", learner="c")
    a, b = born(world.machine, "ab")
    c = world.machine("c")
    c.prepare()
    c.start()
    a.etcdctl("put", "after the snapshot", "x")
    eventually(lambda: revision(c) == revision(a), "the learner knows what a knows")
    lose(a, b)
    plan = restoring(b).plan()
    assert isinstance(plan.source, Running)
    assert plan.source.address == c.me.address
    assert not plan.objections
    # Started again it serves nobody, but its own machine can still save what it has.
    c.stop()
    assert "does not run, and may know more" in restoring(b).plan().objections[0]
    c.unit.start()
    own_snapshot.take(c.me, workshop(c), METRICS_PORT, c.places.data, c.unit)
    eventually(lambda: not restoring(b).plan().objections, "the learner runs again")
    plan = restoring(b).plan()
    assert isinstance(plan.source, snapshot_store.Snapshot)
    assert plan.source.name.endswith("-own-c.db")
    restoring(b).carry_out(plan)
    assert "after the snapshot" in written(b)
    a.boot()
    c.kill()
    c.prepare()
    c.start()
    assert {entry.name for entry in b.members() if entry.is_learner} == {c.me.name}
