"""The snapshots in Blob storage: their names say what they are.

A rule of the storage account deletes what is too old for its folder, not a program.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kilonode import blob

_TOP = "snapshots"
_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(rf"{_TOP}/\w+/\w+-r(?P<revision>\d+)-c(?P<cluster>[0-9a-f]{{16}})-[\w-]+\.db")


@dataclass(frozen=True)
class Snapshot:
    """`name`: within the container. `kept`: when it came there, by the store's clock."""

    name: str
    revision: int
    cluster_id: int
    size: int
    kept: datetime.datetime


def name(
    folder: str, time: datetime.datetime, revision: int, cluster_id: int, reason: str, machine: str
) -> str:
    """`machine`: who uploads it. Several may at the same time, and the blocks that two send under
    one name would be mixed."""
    stamp, key = time.strftime(_TIME), machine.rpartition("-")[2]
    return f"{_TOP}/{folder}/{stamp}-r{revision}-c{cluster_id:016x}-{reason}-{key}.db"


def snapshots(container: str, folder: str = "") -> list[Snapshot]:
    """Of one folder, or all; the oldest first. Raises one of web.ERRORS."""
    below = f"{_TOP}/{folder}/" if folder else f"{_TOP}/"
    found = (_snapshot(one) for one in blob.list(container, below))
    return sorted((one for one in found if one), key=lambda one: (one.kept, one.revision))


def newest(found: Iterable[Snapshot], cluster_id: int) -> Snapshot | None:
    """The one to restore: of this cluster or, if there is none, of the life of it before."""
    by_time = sorted(found, key=lambda one: one.kept)
    if not any(one.cluster_id == cluster_id for one in by_time):
        cluster_id = by_time[-1].cluster_id if by_time else 0
    # Within a cluster the revision tells, whatever clocks say.
    own = (one for one in by_time if one.cluster_id == cluster_id)
    return max(own, key=lambda one: one.revision, default=None)


def has(container: str, folder: str, time: datetime.datetime, shape: str) -> bool:
    """Whether one was taken at that time, in as much of it as `shape` says."""
    return any(True for _ in blob.list(container, f"{_TOP}/{folder}/{time.strftime(shape)}"))


def _snapshot(one: blob.Blob) -> Snapshot | None:
    """None for what is none, such as what a person has put there."""
    parts = _NAME.fullmatch(one.name)
    if not parts:
        return None
    return Snapshot(
        one.name, int(parts["revision"]), int(parts["cluster"], 16), one.size, one.modified
    )
