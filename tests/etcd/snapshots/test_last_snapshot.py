"""What members keep when their machines are shut down one after another."""

from __future__ import annotations

import pytest
from kilonode import blob
from kilonode.etcd import last_snapshot
from kilonode.etcd.snapshot import SnapshotError, Taken
from kilonode.etcd.snapshot_store import newest

from tests.etcd.machine import Machine
from tests.etcd.membership.clusters import boot, cluster_id
from tests.etcd.snapshots.clusters import kept, revision
from tests.etcd.snapshots.programs import workshop
from tests.etcd.world import World
from tests.unit.blob_store import Store


@pytest.fixture
def alone(world: World) -> Machine:
    world.declare("a")
    machine = world.machine("a")
    boot([machine])
    machine.etcdctl("put", "key", "value")
    return machine


def shut_down(machine: Machine) -> Taken | None:
    machine.stop()
    return last_snapshot.keep(machine.me, workshop(machine), machine.places.data)


def test_only_a_member_without_which_no_quorum_goes_on_keeps_what_it_knows(world: World) -> None:
    world.declare("abc")
    a, b, c = machines = [world.machine(letter) for letter in "abc"]
    boot(machines)
    cluster = cluster_id(a)
    a.etcdctl("put", "first", "value")
    assert shut_down(c) is None, "a and b go on, with all that c ever acknowledged"
    a.etcdctl("put", "last", "value")
    known = revision(a)
    by_b, by_a = shut_down(b), shut_down(a)
    assert by_b
    assert by_a
    assert by_a.revision == known
    assert by_b.name != by_a.name
    best = newest(kept(a, "stop"), cluster)
    assert best
    assert best.revision == known


def test_members_that_lost_their_quorum_keep_what_they_know_too(world: World) -> None:
    world.declare("ab")
    a, b = machines = [world.machine(letter) for letter in "ab"]
    boot(machines)
    a.etcdctl("put", "key", "value")
    b.kill()
    assert shut_down(a)


def test_a_snapshot_that_was_broken_off_is_none(
    alone: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure turns off a machine that takes too long."""
    ask = blob._ask

    def turned_off(url: str, *arguments: object, **options: object) -> object:
        if "comp=blocklist" in url:
            raise KeyboardInterrupt
        return ask(url, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(blob, "_ask", turned_off)
    with pytest.raises(KeyboardInterrupt):
        shut_down(alone)
    monkeypatch.setattr(blob, "_ask", ask)
    assert not kept(alone)
    assert shut_down(alone)
    assert kept(alone)


def test_a_damaged_data_file_is_not_kept(alone: Machine) -> None:
    alone.stop()
    file = alone.places.data / "member/snap/db"
    content = bytearray(file.read_bytes())
    # Every page but those by which the file is opened at all.
    content[2 * 4096 :] = bytes(len(content) - 2 * 4096)
    file.write_bytes(bytes(content))
    with pytest.raises(SnapshotError):
        shut_down(alone)
    assert not kept(alone)


def test_a_member_of_an_earlier_life_keeps_nothing(alone: Machine, store: Store) -> None:
    path = f"/{alone.container.rpartition('/')[2]}/birth.json"
    store.blobs[path] = store.blobs[path].replace(b'"cluster_id": "', b'"cluster_id": "1')
    with pytest.raises(SnapshotError, match="took its place"):
        shut_down(alone)
    assert not kept(alone)


def test_a_machine_that_never_had_a_member_has_nothing_to_keep(world: World) -> None:
    assert shut_down(world.machine("a")) is None
