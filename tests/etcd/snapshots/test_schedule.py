"""Snapshots are taken when they are due, by one member, or by the one that was left."""

from __future__ import annotations

import time

import pytest
from kilonode import metrics
from kilonode.etcd import data_dir, own_snapshot, snapshot, snapshot_schedule
from kilonode.etcd.client import EtcdError

from tests.etcd.machine import METRICS_PORT, Machine, eventually
from tests.etcd.snapshots.clusters import kept, revision
from tests.etcd.snapshots.programs import workshop
from tests.etcd.world import Launch
from tests.unit.blob_store import Store

INTERVAL = 900.0


def test_one_member_at_a_time_takes_what_is_due(machine: Launch, store: Store) -> None:
    members = [machine(letter) for letter in "abc"]
    for each in members:
        each.boot()

    def run(later: float) -> list[tuple[Machine, str]]:
        """Who took what, when the program ran everywhere, one machine after another."""
        now = time.time() + later
        done = [
            (each, snapshot_schedule.run(each.me, workshop(each), INTERVAL, now))
            for each in members
        ]
        return [(each, taken.name) for each, taken in done if taken]

    ((_, first),) = run(later=0)
    assert first.startswith("snapshots/recent/")
    for folder in ("hourly", "daily"):
        (copy,) = kept(members[0], folder)
        assert copy.name.rpartition("/")[2] == first.rpartition("/")[2]
    assert run(later=INTERVAL / 2) == []
    members[0].etcdctl("put", "key", "value")
    ((taker, _),) = run(later=INTERVAL)
    status = taker.client.status(taker.me.address)
    assert status.leader != status.member_id, "the leader was not spared"
    assert len(kept(taker, "recent")) == 2


def test_without_a_leader_there_is_no_scheduled_snapshot(machine: Launch) -> None:
    a, b = machine("a"), machine("b")
    a.boot()
    b.boot()
    b.kill()
    with pytest.raises(EtcdError, match="no member has a leader"):
        snapshot_schedule.run(a.me, workshop(a), INTERVAL, 0)


def test_a_member_that_is_down_leaves_snapshots_to_the_others(machine: Launch) -> None:
    a = machine("a")
    assert snapshot_schedule.run(a.me, workshop(a), INTERVAL, 0) is None


def test_a_member_that_was_left_alone_is_saved_as_it_is(machine: Launch) -> None:
    a, b = machine("a"), machine("b")
    a.boot()
    b.boot()
    b.etcdctl("put", "key", "value")
    eventually(lambda: revision(a) == revision(b), "a knows what b knows")
    b.kill()
    b.lose_local_disk()
    taken = own_snapshot.take(a.me, workshop(a), METRICS_PORT, a.places.data)
    assert taken.revision == revision(a)


def test_a_member_that_was_left_alone_and_started_again_is_saved_as_it_is(machine: Launch) -> None:
    """It serves nobody: all of its site was down, and only its own disk outlived that."""
    a, b = machine("a"), machine("b")
    a.boot()
    b.boot()
    for number in range(50):
        b.etcdctl("put", f"key {number}", "value")
    known = revision(b)
    eventually(lambda: revision(a) == known, "a knows what b knows")
    a.kill()
    b.kill()
    b.lose_local_disk()
    a.unit.start()
    taken = own_snapshot.take(a.me, workshop(a), METRICS_PORT, a.places.data, a.unit)
    # What was agreed on last may not have been told any more.
    assert known - 1 <= taken.revision <= known
    (found,) = kept(a)
    assert found.name.endswith("-own-a.db")
    known_data = data_dir.read(a.places.data)
    assert known_data
    assert found.cluster_id == known_data.cluster_id


def test_prometheus_is_told_of_the_newest_and_of_failures(machine: Launch) -> None:
    a = machine("a")
    a.boot()
    snapshot.take(a.me.address, workshop(a), reason="change")
    (newest,) = kept(a)
    told = {
        one.name: one.value
        for one in snapshot_schedule.samples(newest, failed=False, interval=900.0)
    }
    assert told == {
        "kilonode_etcd_snapshot_failed": 0,
        "kilonode_etcd_snapshot_interval_seconds": 900.0,
        "kilonode_etcd_snapshot_newest_timestamp_seconds": newest.kept.timestamp(),
        "kilonode_etcd_snapshot_newest_revision": newest.revision,
        "kilonode_etcd_snapshot_newest_size_bytes": newest.size,
    }
    failed = snapshot_schedule.samples(None, failed=True, interval=900.0)
    assert failed == [
        metrics.Sample("kilonode_etcd_snapshot_failed", 1),
        metrics.Sample("kilonode_etcd_snapshot_interval_seconds", 900.0),
    ]
