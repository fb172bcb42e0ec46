"""Whose turn the next snapshot is, when, and which is the newest."""

from __future__ import annotations

import datetime

from kilonode.etcd import snapshot_schedule, snapshot_store
from kilonode.etcd.decision import Answer, Member
from kilonode.etcd.snapshot_store import Snapshot

INTERVAL = 900.0
# Id 1 leads; 2 and 3 follow, 4 learns.
MEMBERS = tuple(Member(id, f"m{id}", (), id == 4) for id in (1, 2, 3, 4))


def answers(*ids: int, cut_off: int = 0) -> list[Answer]:
    return [Answer(f"10.0.0.{id}", 7, id, MEMBERS, id != cut_off, "3.6.0") for id in ids]


def test_followers_come_first_and_the_leader_last() -> None:
    alive = answers(1, 2, 3)
    assert [snapshot_schedule.rank(id, 1, alive) for id in (2, 3, 1)] == [0, 1, 2]
    # One that is down leaves its turn to the next.
    assert snapshot_schedule.rank(3, 1, answers(1, 3)) == 0
    assert snapshot_schedule.rank(1, 1, answers(1)) == 0
    assert snapshot_schedule.rank(4, 1, answers(1, 2, 3, 4)) is None


def test_a_follower_that_is_cut_off_takes_none() -> None:
    """Its data may be old, and a fresh file of old data would keep the alert quiet."""
    alive = answers(1, 2, 3, cut_off=1)
    assert snapshot_schedule.rank(1, 3, alive) is None
    assert snapshot_schedule.rank(2, 3, alive) == 0


def test_a_snapshot_is_due_once_an_interval_and_overdue_ones_are_anothers_turn() -> None:
    due = snapshot_schedule.is_due
    assert due(None, INTERVAL, 0)
    assert not due(INTERVAL / 2, INTERVAL, 0)
    assert due(INTERVAL, INTERVAL, 0)
    assert not due(INTERVAL + 60, INTERVAL, 1)
    assert due(2 * INTERVAL, INTERVAL, 1)


def test_the_newest_is_told_by_the_revision_whatever_clocks_say() -> None:
    kept = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    of_cluster = [
        Snapshot("late", 5, 3, 1, kept),
        Snapshot("more", 9, 3, 1, kept.replace(year=2001)),
        Snapshot("other", 99, 7, 1, kept.replace(year=2099)),
    ]
    newest = snapshot_store.newest(of_cluster, 3)
    assert newest
    assert newest.name == "more"
    earlier = snapshot_store.newest(of_cluster, 1234)
    assert earlier
    assert earlier.name == "other"
    assert snapshot_store.newest([], 1234) is None


def test_a_restore_that_was_killed_takes_the_same_snapshot_again() -> None:
    """The record names a cluster by then that never ran. Of the last members to stop, only one
    may know every write, and it need not be the last one that was heard of."""
    kept = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    stopped = [
        Snapshot("older life", 999, 2, 1, kept.replace(year=2025)),
        Snapshot("most", 9, 3, 1, kept),
        Snapshot("last", 7, 3, 1, kept.replace(minute=1)),
    ]
    before, again = snapshot_store.newest(stopped, 3), snapshot_store.newest(stopped, 4)
    assert before == again == stopped[1]
