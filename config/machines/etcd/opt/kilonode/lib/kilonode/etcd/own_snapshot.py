"""A snapshot of this machine's own member, also of one that was left alone.

A member that lost its quorum serves snapshots until it is started again; from then on it waits for
a leader before it serves anything. Its data is whole nevertheless: etcd has brought its data file
up to what it knew to be agreed on, so once it has ended cleanly that file is a snapshot.
"""

from __future__ import annotations

import time
from pathlib import Path

from kilonode.etcd import data_dir, running, snapshot
from kilonode.etcd.client import EtcdError, Status
from kilonode.etcd.data_dir import DATA
from kilonode.etcd.service import Service
from kilonode.etcd.snapshot import SnapshotError, Taken, Workshop
from kilonode.etcd.this_member import ThisMember

_REASON = "own"
_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 0.5


def take(
    me: ThisMember,
    workshop: Workshop,
    metrics_port: int,
    data: Path = DATA,
    service: Service | None = None,
) -> Taken:
    """Raises as snapshot.take() does."""
    try:
        workshop.client.status(me.address)
    except EtcdError:
        return _take_of_data(me, workshop, metrics_port, data, service or Service())
    return snapshot.take(me.address, workshop, reason=_REASON)


def _take_of_data(
    me: ThisMember, workshop: Workshop, metrics_port: int, data: Path, service: Service
) -> Taken:
    known = data_dir.read(data)
    if not known:
        raise SnapshotError("this machine's etcd does not answer, and it has no data")
    revision = _wait_for_agreed(me, workshop, metrics_port, data)
    size = (data / "member/snap/db").stat().st_size

    def save(file: Path) -> Status:
        with file.open("wb") as stream:
            stream.writelines(snapshot.of_data_file(data))
        return Status(known.cluster_id, known.member_id, 0, revision, 0, size, size, 0)

    service.stop()
    try:
        return snapshot.keep(save, size, workshop, reason=_REASON, folders=("change",))
    finally:
        service.start()


def _wait_for_agreed(me: ThisMember, workshop: Workshop, metrics_port: int, data: Path) -> int:
    """The revision once etcd has gone through its log. Raises SnapshotError."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        own = running.member(workshop.client, me.address, metrics_port)
        if own and own.applied >= data_dir.committed(data):
            return own.revision
        time.sleep(_PAUSE_SECONDS)
    raise SnapshotError("etcd does not start on this machine's data: journalctl -u etcd says why")
