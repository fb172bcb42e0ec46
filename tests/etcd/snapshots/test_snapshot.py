"""Snapshots of real members: verified before they count."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from kilonode.etcd import snapshot
from kilonode.etcd.snapshot import SnapshotError, Workshop

from tests.etcd.snapshots.clusters import damage, kept
from tests.etcd.snapshots.programs import workshop
from tests.etcd.world import Launch
from tests.unit.blob_store import Store


def test_a_snapshot_is_kept_under_what_it_is(machine: Launch) -> None:
    a = machine("a")
    a.boot()
    a.etcdctl("put", "key", "value")
    taken = snapshot.take(a.me.address, workshop(a), reason="change")
    (found,) = kept(a)
    status = a.client.status(a.me.address)
    assert found.name == taken.name
    assert found.name.startswith("snapshots/change/")
    assert found.name.endswith("-change-a.db")
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
