"""A rehearsal reads a snapshot as a restore would, and touches nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from kilonode.etcd import (
    rehearsal,
)
from kilonode.etcd.snapshot import SnapshotError

from tests.etcd.snapshots.clusters import (
    COUNT,
    born,
    damage,
    kept,
    revision,
)
from tests.etcd.snapshots.programs import workshop
from tests.etcd.world import Launch
from tests.unit.blob_store import Store


def test_a_rehearsal_reads_the_snapshot_and_touches_nothing(
    machine: Launch, tmp_path: Path
) -> None:
    a, b = born(machine, "ab")
    members, before = a.members(), revision(a)
    (source,) = kept(a)
    told = rehearsal.rehearse(source, tmp_path / "scratch", workshop(a))
    assert f"{COUNT} keys at revision {source.revision}" in told
    assert not (tmp_path / "scratch").exists()
    assert (a.members(), revision(b)) == (members, before)


def test_a_rehearsal_of_a_damaged_snapshot_fails(
    machine: Launch, store: Store, tmp_path: Path
) -> None:
    (a,) = born(machine, "a")
    (source,) = kept(a)
    path = f"/{a.container.rpartition('/')[2]}/{source.name}"
    (tmp_path / "copy").write_bytes(store.blobs[path])
    damage(tmp_path / "copy", 0.999)
    store.blobs[path] = (tmp_path / "copy").read_bytes()
    with pytest.raises(SnapshotError):
        rehearsal.rehearse(source, tmp_path / "scratch", workshop(a))


def test_a_rehearsal_leaves_other_data_alone(machine: Launch, tmp_path: Path) -> None:
    (a,) = born(machine, "a")
    (source,) = kept(a)
    (tmp_path / "precious").touch()
    with pytest.raises(SnapshotError, match="is not empty"):
        rehearsal.rehearse(source, tmp_path, workshop(a))
    assert (tmp_path / "precious").exists()
