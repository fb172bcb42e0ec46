"""Keeps what this machine's member knows when the machine is shut down, if no quorum goes on.

A member acknowledges only what it has applied, and an etcd that ends closes its data file with all
of that in it. If a quorum still answers after that end, the one that answers has applied all of it
too, as its word is linearizable, and keeping it has become that one's matter. If none does, nobody
may be left who would keep it. So once all members were shut down, in any order or all at once, the
snapshot with the highest revision holds every write that was ever acknowledged.
"""

from __future__ import annotations

import datetime
import sys
import time
from pathlib import Path

from kilonode import blob, web
from kilonode.etcd import data_dir, snapshot, snapshot_store
from kilonode.etcd.data_dir import DATA
from kilonode.etcd.snapshot import SnapshotError, Taken, Workshop
from kilonode.etcd.this_member import ThisMember, this_member
from kilonode.machine import environment, say

# Azure turns a machine off five minutes after it told it to shut down. One stream would not fill
# that time's bandwidth, and to compress takes longer than to send.
_AT_ONCE = 4
# The unit has 240 s for all.
_STORE_PATIENCE_SECONDS = 200.0


def keep(me: ThisMember, workshop: Workshop, data: Path = DATA) -> Taken | None:
    """To be called once etcd has ended. None if that is not this member's matter.

    Without the trial restore that other snapshots have: a machine that is shut down has not the
    time. Raises SnapshotError or one of web.ERRORS; then nothing was kept.
    """
    begun = time.monotonic()
    known = data_dir.read(data)
    if not known:
        say("nothing to keep: this member has no data")
        return None
    for answer in workshop.client.answers(me.peers):
        if answer.agreed and answer.cluster_id == known.cluster_id:
            say(f"nothing to keep: a quorum goes on, by the word of {answer.address}")
            return None
    snapshot.check_cluster(known.cluster_id, workshop.container)
    file = data / "member/snap/db"
    revision = max(1, snapshot.revision_of(file, workshop.programs))
    now = datetime.datetime.now(datetime.UTC)
    name = snapshot_store.name("stop", now, revision, known.cluster_id, "stop", me.name)
    blob.upload(
        f"{workshop.container}/{name}",
        snapshot.of_data_file(data),
        patience=_STORE_PATIENCE_SECONDS,
        at_once=_AT_ONCE,
    )
    return Taken(name, revision, file.stat().st_size, time.monotonic() - begun)


def main() -> None:
    parameters = environment()
    try:
        me = this_member(parameters)
        taken = keep(me, snapshot.workshop(me, parameters))
    except (SnapshotError, *web.ERRORS) as error:
        sys.exit(f"no snapshot: {error}")
    if taken:
        say(f"snapshot {taken.name}: {taken.size >> 10} KiB, kept in {taken.seconds:.1f} s")


if __name__ == "__main__":
    main()
