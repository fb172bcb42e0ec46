"""Snapshots of real members: verified before they count, and taken when they are due."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from kilonode import metrics
from kilonode.etcd import data_dir, own_snapshot, snapshot, snapshot_schedule, snapshot_store
from kilonode.etcd.client import EtcdError
from kilonode.etcd.decision import Answer, Member
from kilonode.etcd.service import Service
from kilonode.etcd.snapshot import SnapshotError, Workshop

from tests.unit.etcd_machines import (
    METRICS_PORT,
    Launch,
    Machine,
    Store,
    eventually,
    workshop,
)

INTERVAL = 900.0


def kept(machine: Machine, folder: str = "") -> list[snapshot_store.Snapshot]:
    return snapshot_store.snapshots(machine.container, folder)


class Unit(Service):
    """What systemctl does to this machine's etcd.service."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def stop(self) -> None:
        self._machine.stop()

    def start(self) -> None:
        self._machine.prepare()
        self._machine.start(wait=False)


def test_a_snapshot_is_kept_under_what_it_is(machine: Launch) -> None:
    a = machine("a")
    a.boot()
    a.etcdctl("put", "key", "value")
    taken = snapshot.take(a.me.address, workshop(a), reason="change")
    (found,) = kept(a)
    status = a.client.status(a.me.address)
    assert found.name == taken.name
    assert found.name.startswith("snapshots/change/")
    assert found.name.endswith("-change.db")
    assert (found.revision, found.cluster_id) == (status.revision, status.cluster_id)
    assert (taken.revision, taken.size) == (status.revision, found.size)
    # The room that it took is free again.
    assert not list(workshop(a).scratch.iterdir())


def test_a_cluster_without_keys_has_a_snapshot_too(machine: Launch) -> None:
    a = machine("a")
    a.boot()
    assert snapshot.take(a.me.address, workshop(a), reason="change").revision == 1


@pytest.mark.parametrize("where", [0.5, 0.999], ids=["in a page", "in its hash"])
def test_a_damaged_snapshot_is_never_uploaded(
    machine: Launch, where: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = machine("a")
    a.boot()
    a.etcdctl("put", "key", "value" * 1000)
    save = snapshot._save

    def save_damaged(address: str, file: Path, shop: Workshop) -> None:
        save(address, file, shop)
        damage(file, where)

    monkeypatch.setattr(snapshot, "_save", save_damaged)
    with pytest.raises(SnapshotError):
        snapshot.take(a.me.address, workshop(a), reason="change")
    assert not kept(a)
    assert not list(workshop(a).scratch.iterdir())


def damage(file: Path, where: float) -> None:
    """Turns one bit."""
    content = bytearray(file.read_bytes())
    content[int(len(content) * where)] ^= 1
    file.write_bytes(bytes(content))


def test_a_snapshot_of_an_earlier_moment_is_refused(
    machine: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, but not of what the member knows: a disk may return what it once held."""
    a = machine("a")
    a.boot()
    snapshot._save(a.me.address, tmp_path / "early.db", workshop(a))
    a.etcdctl("put", "key", "value")
    monkeypatch.setattr(
        snapshot, "_save", lambda address, file, shop: shutil.copy(tmp_path / "early.db", file)
    )
    with pytest.raises(SnapshotError, match="ends at revision 1, its member at 2"):
        snapshot.take(a.me.address, workshop(a), reason="change")
    assert not kept(a)


def test_without_room_the_snapshot_says_how_much_is_missing(
    machine: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = machine("a")
    a.boot()
    monkeypatch.setattr(snapshot, "MORE_BYTES", 1 << 60)
    with pytest.raises(SnapshotError, match=r"has room for \d+ MiB, and \d+ MiB are needed"):
        snapshot.take(a.me.address, workshop(a), reason="change")


def test_what_a_killed_snapshot_left_is_removed_by_the_next(machine: Launch) -> None:
    a = machine("a")
    a.boot()
    leftover = workshop(a).scratch / "trial/member"
    leftover.mkdir(parents=True)
    (workshop(a).scratch / "snapshot.db").write_bytes(b"half")
    snapshot.take(a.me.address, workshop(a), reason="change")
    assert not list(workshop(a).scratch.iterdir())


def test_data_of_an_earlier_life_is_not_passed_off_as_the_clusters(
    machine: Launch, store: Store
) -> None:
    a = machine("a")
    a.boot()
    path = f"/{a.container.rpartition('/')[2]}/birth.json"
    store.blobs[path] = store.blobs[path].replace(b'"cluster_id": "', b'"cluster_id": "1')
    with pytest.raises(SnapshotError, match="took its place"):
        snapshot.take(a.me.address, workshop(a), reason="change")
    assert not kept(a)


def test_the_store_decides_nothing_while_it_is_away(
    machine: Launch, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = machine("a")
    a.boot()
    monkeypatch.setattr(snapshot, "_STORE_PATIENCE_SECONDS", 0.0)
    store.down = True
    with pytest.raises(OSError, match="503"):
        snapshot.take(a.me.address, workshop(a), reason="change")
    store.down = False
    assert not kept(a)


# Id 1 leads; 2 and 3 follow, 4 learns.
MEMBERS = tuple(Member(id, f"m{id}", (), (), id == 4) for id in (1, 2, 3, 4))


def answers(*ids: int) -> list[Answer]:
    return [Answer(f"10.0.0.{id}", 7, id, MEMBERS, True, "3.6.0") for id in ids]


def test_followers_come_first_and_the_leader_last() -> None:
    alive = answers(1, 2, 3)
    assert [snapshot_schedule.rank(id, 1, alive) for id in (2, 3, 1)] == [0, 1, 2]
    # One that is down leaves its turn to the next.
    assert snapshot_schedule.rank(3, 1, answers(1, 3)) == 0
    assert snapshot_schedule.rank(1, 1, answers(1)) == 0
    assert snapshot_schedule.rank(4, 1, answers(1, 2, 3, 4)) is None


def test_a_snapshot_is_due_once_an_interval_and_overdue_ones_are_anothers_turn() -> None:
    due = snapshot_schedule.is_due
    assert due(None, INTERVAL, 0)
    assert not due(INTERVAL / 2, INTERVAL, 0)
    assert due(INTERVAL, INTERVAL, 0)
    assert not due(INTERVAL + 60, INTERVAL, 1)
    assert due(2 * INTERVAL, INTERVAL, 1)


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
    Unit(a).start()
    taken = own_snapshot.take(a.me, workshop(a), METRICS_PORT, a.places.data, Unit(a))
    # What was agreed on last may not have been told any more.
    assert known - 1 <= taken.revision <= known
    (found,) = kept(a)
    assert found.name.endswith("-own.db")
    known_data = data_dir.read(a.places.data)
    assert known_data
    assert found.cluster_id == known_data.cluster_id


def revision(machine: Machine) -> int:
    return machine.client.status(machine.me.address).revision


def test_prometheus_is_told_of_the_newest_and_of_failures(machine: Launch) -> None:
    a = machine("a")
    a.boot()
    snapshot.take(a.me.address, workshop(a), reason="change")
    (newest,) = kept(a)
    told = {one.name: one.value for one in snapshot_schedule.samples(newest, failed=False)}
    assert told == {
        "kilonode_etcd_snapshot_failed": 0,
        "kilonode_etcd_snapshot_newest_timestamp_seconds": newest.kept.timestamp(),
        "kilonode_etcd_snapshot_newest_revision": newest.revision,
        "kilonode_etcd_snapshot_newest_size_bytes": newest.size,
    }
    failed = snapshot_schedule.samples(None, failed=True)
    assert failed == [metrics.Sample("kilonode_etcd_snapshot_failed", 1)]
