"""What is not restored, and what the operator is shown before he says yes."""

from __future__ import annotations

import os
import signal

import pytest
from kilonode.etcd import (
    birth_record,
    restore,
)
from kilonode.etcd.restore import RestoreError, describe
from kilonode.etcd.snapshot import SnapshotError

from tests.etcd.machine import eventually
from tests.etcd.snapshots.clusters import (
    COUNT,
    born,
    kept,
    lose,
    revision,
)
from tests.etcd.snapshots.programs import restoring
from tests.etcd.world import Launch, World
from tests.unit.blob_store import Store


def test_a_living_quorum_is_never_restored_over(machine: Launch) -> None:
    a, b, c = born(machine, "abc")
    lose(c)
    for each in (b, c):
        with pytest.raises(RestoreError, match="a quorum lives"):
            restoring(each).plan()
    assert revision(a) == revision(b)


def test_voters_that_may_run_beyond_a_broken_network_are_named(machine: Launch) -> None:
    """A restore would end their cluster, and nobody on this side can tell."""
    a, b, c = born(machine, "abc")
    for each in (b, c):
        # Nothing is heard of it, not even that its etcd does not run.
        os.kill(each.pid, signal.SIGSTOP)
    plan = restoring(a).plan()
    assert plan.silent == [b.me.name, c.me.name]
    assert any("prod-etcd-b, prod-etcd-c; if these still run" in line for line in describe(plan))
    assert not plan.objections, "it would never end where they are gone for good"
    for each in (b, c):
        each.kill()
    assert not restoring(a).plan().silent, "their machines say that they do not run"


def test_a_damaged_snapshot_is_never_restored(machine: Launch, store: Store) -> None:
    (a,) = born(machine, "a")
    (source,) = kept(a)
    path = f"/{a.container.rpartition('/')[2]}/{source.name}"
    content = bytearray(store.blobs[path])
    content[len(content) // 2] ^= 1
    store.blobs[path] = bytes(content)
    before = birth_record.read(a.container)
    lose(a)
    carried = restoring(a)
    with pytest.raises(SnapshotError):
        carried.carry_out(carried.plan())
    assert birth_record.read(a.container) == before
    assert not a.places.data.exists()


def test_a_cluster_that_was_never_born_is_not_restored(machine: Launch) -> None:
    with pytest.raises(RestoreError, match="never born"):
        restoring(machine("a")).plan()


def test_without_any_data_there_is_nothing_to_restore(machine: Launch) -> None:
    a = machine("a")
    a.boot()
    lose(a)
    with pytest.raises(RestoreError, match="there is no snapshot"):
        restoring(a).plan()


def test_an_unreadable_record_is_no_reason_to_write_another(machine: Launch, store: Store) -> None:
    (a,) = born(machine, "a")
    lose(a)
    store.down = True
    with pytest.raises(RestoreError, match="cannot be read"):
        restoring(a).plan()


def test_only_a_declared_voters_machine_is_the_cluster(world: World) -> None:
    world.declare("a", learner="b")
    with pytest.raises(RestoreError, match="prod-etcd-b is no declared voter"):
        restoring(world.machine("b")).plan()


def test_the_operator_sees_age_revision_and_loss(machine: Launch, store: Store) -> None:
    (a,) = born(machine, "a")
    lose(a)
    for path in store.modified:
        store.modified[path] -= 3 * 3600 + 60
    plan = restoring(a).plan()
    (source,) = kept(a)
    text = "\n".join(describe(plan))
    assert f"newest data: {source.name}, revision {COUNT + 1}, 3 h 1 min" in text
    assert "lost: all that was written in these 3 h 1 min" in text


@pytest.mark.parametrize("given", [None, "other"])
def test_nothing_is_done_without_the_clusters_name(machine: Launch, given: str | None) -> None:
    (a,) = born(machine, "a")
    lose(a)
    with pytest.raises((SystemExit, RestoreError)):
        restore._ask(given, "prod", restoring(a).plan())


def test_a_member_that_knows_more_but_serves_nobody_is_an_objection(machine: Launch) -> None:
    a, b = born(machine, "ab")
    # The last of them a may not know to be agreed on.
    for number in range(3):
        b.etcdctl("put", f"after the snapshot {number}", "x")
    eventually(lambda: revision(a) == revision(b), "a knows what b knows")
    a.kill()
    lose(b)
    a.unit.start()
    eventually(lambda: bool(restoring(b).plan().objections), "a has gone through its log")
    plan = restoring(b).plan()
    assert "run etcd-snapshot --own on its machine first" in plan.objections[0]
    with pytest.raises(RestoreError, match="see the objections"):
        restore._ask("prod", "prod", plan)
    assert not restoring(b).plan(kept(b)[0].name).objections
