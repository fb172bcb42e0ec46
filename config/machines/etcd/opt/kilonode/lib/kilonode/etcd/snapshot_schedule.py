"""Takes the cluster's snapshots when they are due.

Runs each minute on every machine. Who is to take one follows from the members that answer and the
age of the newest one in the store, so nobody has to agree on anything: first a follower, and once
the snapshot is overdue the next of them, the leader last. Two at once are no harm.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Sequence

from kilonode import metrics, web
from kilonode.etcd import own_snapshot, snapshot, snapshot_store
from kilonode.etcd.client import EtcdError
from kilonode.etcd.decision import Answer
from kilonode.etcd.snapshot import SnapshotError, Taken, Workshop
from kilonode.etcd.snapshot_store import Snapshot
from kilonode.etcd.this_member import ThisMember, this_member
from kilonode.machine import environment, say
from kilonode.metrics import Sample

# The program runs each minute, so a snapshot may as well be half a minute early.
_EARLY_SECONDS = 30.0
# One for each hour and each day besides, which are kept for longer.
_LONGER = {"hourly": "%Y%m%dT%H", "daily": "%Y%m%dT"}


def is_due(age: float | None, interval: float, rank: int) -> bool:
    """`age` of the newest snapshot, `interval`: both in seconds. `rank`: see rank()."""
    return age is None or age >= interval * (rank + 1) - _EARLY_SECONDS


def rank(own_id: int, leader: int, answers: Sequence[Answer]) -> int | None:
    """How many others take a snapshot before this member does; None if it is no voter, or has no
    leader: what it knows may be old."""
    current = next(answer for answer in answers if answer.agreed)
    voters = {member.id for member in current.members if not member.is_learner}
    alive = sorted(
        voters & {answer.member_id for answer in answers if answer.agreed},
        key=lambda id: (id == leader, id),
    )
    return alive.index(own_id) if own_id in alive else None


def run(me: ThisMember, workshop: Workshop, interval: float, now: float) -> Taken | None:
    """`now`: seconds since 1970. None if it is not this member's turn. Raises as take() does."""
    try:
        status = workshop.client.status(me.address)
    except EtcdError as error:
        say(f"a snapshot is the other members' matter: {error}")
        return None
    recent = snapshot_store.snapshots(workshop.container, "recent")
    kept = [one.kept.timestamp() for one in recent if one.cluster_id == status.cluster_id]
    answers = workshop.client.answers((me.address, *me.peers))
    if not any(answer.agreed for answer in answers):
        raise EtcdError("no member has a leader")
    own = rank(status.member_id, status.leader, answers)
    if own is None or not is_due(now - max(kept) if kept else None, interval, own):
        return None
    day = datetime.datetime.fromtimestamp(now, datetime.UTC)
    longer = [
        folder
        for folder, shape in _LONGER.items()
        if not snapshot_store.has(workshop.container, folder, day, shape)
    ]
    return snapshot.take(me.address, workshop, reason="scheduled", folders=("recent", *longer))


def samples(newest: Snapshot | None, failed: bool, interval: float) -> list[Sample]:
    """For Prometheus. What is not known is left out."""
    found = [
        Sample("kilonode_etcd_snapshot_failed", float(failed)),
        Sample("kilonode_etcd_snapshot_interval_seconds", interval),
    ]
    if newest:
        found += [
            Sample("kilonode_etcd_snapshot_newest_timestamp_seconds", newest.kept.timestamp()),
            Sample("kilonode_etcd_snapshot_newest_revision", newest.revision),
            Sample("kilonode_etcd_snapshot_newest_size_bytes", newest.size),
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--own",
        action="store_true",
        help="take one now of this machine's member, also if it has nobody to follow any more",
    )
    arguments = parser.parse_args()
    parameters = environment()
    me = this_member(parameters)
    workshop = snapshot.workshop(me, parameters)
    interval = 60.0 * int(parameters["ETCD_SNAPSHOT_MINUTES"])
    failure = taken = newest = None
    try:
        if arguments.own:
            taken = own_snapshot.take(me, workshop, int(parameters["ETCD_METRICS_PORT"]))
        else:
            taken = run(me, workshop, interval, time.time())
    except (SnapshotError, EtcdError, *web.ERRORS) as error:
        failure = f"no snapshot: {error}"
    try:
        newest = next(reversed(snapshot_store.snapshots(workshop.container)), None)
    except web.ERRORS as error:
        failure = failure or f"the snapshots cannot be listed: {error}"
    metrics.write("snapshot", samples(newest, failure is not None, interval))
    if taken:
        # A file of its own, as it stays true until the next.
        seconds = Sample("kilonode_etcd_snapshot_duration_seconds", taken.seconds)
        metrics.write("snapshot-taken", [seconds])
        say(
            f"snapshot {taken.name}: {taken.size >> 10} KiB, verified and kept in "
            f"{taken.seconds:.1f} s"
        )
    if failure:
        sys.exit(failure)


if __name__ == "__main__":
    main()
