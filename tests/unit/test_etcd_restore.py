"""Clusters that lost their quorum, made again from snapshots with real members."""

from __future__ import annotations

import os
import signal
import subprocess
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import pytest
from kilonode import metrics
from kilonode.etcd import (
    birth_record,
    data_dir,
    own_snapshot,
    rehearsal,
    restore,
    snapshot,
    snapshot_schedule,
    snapshot_store,
)
from kilonode.etcd.decision import Record, SetAside, Wait, decide
from kilonode.etcd.restore import Restore, RestoreError, describe
from kilonode.etcd.running import Running
from kilonode.etcd.snapshot import SnapshotError

from tests.unit.etcd_machines import (
    CLIENT_PORT,
    METRICS_PORT,
    Launch,
    Machine,
    Store,
    World,
    eventually,
    workshop,
)
from tests.unit.test_etcd_snapshot import Unit, damage, kept, revision

COUNT = 20
metrics_write = metrics.write


def restoring(machine: Machine) -> Restore:
    parameters = {**machine.parameters, "ETCD_METRICS_PORT": str(METRICS_PORT)}
    return Restore(machine.me, parameters, machine.places, workshop(machine), Unit(machine))


def born(machine: Launch, letters: str) -> list[Machine]:
    """Healthy members, and keys that are in a snapshot."""
    members = [machine(letter) for letter in letters]
    for each in members:
        each.boot()
    for number in range(COUNT):
        members[0].etcdctl("put", f"key {number}", f"value {number}")
    snapshot.take(members[0].me.address, workshop(members[0]), reason="change")
    return members


def lose(*members: Machine) -> None:
    for each in members:
        each.kill()
    for each in members:
        each.lose_local_disk()


def written(machine: Machine) -> list[str]:
    return machine.etcdctl("get", "", "--prefix", "--keys-only").split("\n\n")


def test_all_that_the_snapshot_held_is_back_and_the_others_join(machine: Launch) -> None:
    a, b, c = born(machine, "abc")
    before = revision(a)
    lose(a, b, c)
    carry_out(b)
    a.boot()
    c.boot()
    for each in (a, b, c):
        assert each.etcdctl("get", "key 7", "--print-value-only").strip() == "value 7"
    assert a.client.count(a.me.address) == COUNT
    assert {entry.name for entry in b.members()} == {each.me.name for each in (a, b, c)}
    record = birth_record.read(b.container)
    assert isinstance(record, Record)
    assert record.founder == b.me.name
    assert record.cluster_id == b.client.status(b.me.address).cluster_id
    assert revision(b) >= record.revision == before + snapshot.BUMP


def test_who_watched_before_is_told_that_his_knowledge_is_old(machine: Launch) -> None:
    """Otherwise an apiserver would go on from a revision that means something else by now."""
    a, b = born(machine, "ab")
    a.etcdctl("put", "lost", "x")
    seen = revision(a)
    lose(a, b)
    carried = restoring(a)
    carried.carry_out(carried.plan())
    assert revision(a) > seen
    watch = [
        *(str(Path(a.places.etcd).parent / "etcdctl"), "watch", "key", f"--rev={seen + 1}"),
        f"--endpoints=https://{a.me.address}:{CLIENT_PORT}",
        *(f"--cacert={a.places.pki}/ca.crt", f"--cert={a.places.pki}/member.crt"),
        f"--key={a.places.pki}/member.key",
    ]
    told = subprocess.run(watch, capture_output=True, text=True, timeout=20, check=False)
    assert "required revision has been compacted" in told.stderr


def test_a_second_restore_goes_beyond_all_that_the_first_has_shown(machine: Launch) -> None:
    (a,) = born(machine, "a")
    lose(a)
    carried = restoring(a)
    carried.carry_out(carried.plan())
    a.etcdctl("put", "after the first", "x")
    seen = revision(a)
    lose(a)
    # No snapshot of that life: the same is restored again.
    carried = restoring(a)
    plan = carried.plan()
    assert any("an earlier life" in line for line in describe(plan))
    carried.carry_out(plan)
    assert revision(a) > seen
    assert a.client.count(a.me.address) == COUNT


def test_a_living_quorum_is_never_restored_over(machine: Launch) -> None:
    a, b, c = born(machine, "abc")
    lose(c)
    for each in (b, c):
        with pytest.raises(RestoreError, match="a quorum lives"):
            restoring(each).plan()
    assert revision(a) == revision(b)


def test_a_survivor_that_knows_more_than_the_snapshot_is_the_source(machine: Launch) -> None:
    a, b, c = born(machine, "abc")
    b.etcdctl("put", "after the snapshot", "x")
    eventually(lambda: revision(a) == revision(b), "a knows what b knows")
    lose(b, c)
    carried = restoring(b)
    plan = carried.plan()
    assert isinstance(plan.source, Running)
    assert plan.source.address == a.me.address
    carried.carry_out(plan)
    assert "after the snapshot" in written(b)
    assert any(one.name.endswith("-restore.db") for one in kept(b))


def test_data_of_the_older_life_never_rises_beside_the_restored_cluster(machine: Launch) -> None:
    a, b, c = born(machine, "abc")
    # Two that are only stopped: with their data, they would be a quorum of the older life.
    a.stop()
    b.stop()
    lose(c)
    carried = restoring(c)
    carried.carry_out(carried.plan())
    for each in (a, b):
        assert isinstance(decide(each.preparation().look()), SetAside)
        each.boot()
    assert len({each.client.status(each.me.address).cluster_id for each in (a, b, c)}) == 1
    assert len(c.members()) == 3


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


def test_of_two_that_restore_at_once_one_wins(machine: Launch) -> None:
    a, b = born(machine, "ab")
    lose(a, b)
    plans = [restoring(each).plan() for each in (a, b)]
    restoring(a).carry_out(plans[0])
    with pytest.raises(OSError, match="ConditionNotMet"):
        restoring(b).carry_out(plans[1])
    b.boot()
    assert len(a.members()) == 2


# Each of them before and after it; once etcd is started again, nothing is left to be done.
STEPS: dict[str, tuple[object, str]] = {
    "while the snapshot is fetched": (snapshot, "fetch"),
    "while it is restored": (snapshot, "restore"),
    "when etcd is ended": (Unit, "stop"),
    "when the record is replaced": (birth_record, "write"),
    "when the old data is set aside": (data_dir, "set_aside"),
}


def kill_at(machine: Machine, step: str, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restores in a process of its own, which kill -9 ends there. The machine's etcd is down."""
    module, name = STEPS[step]
    do = getattr(module, name)

    def killed(*arguments: object, **options: object) -> None:
        if moment == "after":
            do(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        process = get_context("fork").Process(target=carry_out, args=[machine])
        process.start()
        process.join(60)
    assert process.exitcode == -signal.SIGKILL


def carry_out(machine: Machine) -> None:
    carried = restoring(machine)
    carried.carry_out(carried.plan())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_whoever_is_killed_restores_again(
    machine: Launch, step: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a,) = born(machine, "a")
    a.stop()
    kill_at(a, step, moment, monkeypatch)
    carry_out(a)
    assert a.client.count(a.me.address) == COUNT


def test_a_machine_that_is_killed_once_the_record_is_replaced_waits_for_the_operator(
    machine: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not found, nor rise with what it had."""
    (a,) = born(machine, "a")
    a.stop()
    kill_at(a, "when the record is replaced", "after", monkeypatch)
    preparation = a.preparation()
    step = decide(preparation.look())
    assert isinstance(step, SetAside)
    preparation.act(step)
    assert isinstance(decide(preparation.look()), Wait)
    carry_out(a)
    assert a.client.count(a.me.address) == COUNT


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


def test_another_snapshot_is_used_by_name_and_the_loss_is_counted(machine: Launch) -> None:
    (a,) = born(machine, "a")
    (first,) = kept(a)
    a.etcdctl("put", "later", "x")
    snapshot.take(a.me.address, workshop(a), reason="change")
    lose(a)
    carried = restoring(a)
    assert carried.plan().source != first
    plan = carried.plan(first.name)
    assert "at least 1 writes are lost" in "\n".join(describe(plan))
    carried.carry_out(plan)
    assert "later" not in written(a)
    with pytest.raises(RestoreError, match="a quorum lives"):
        restoring(a).plan("snapshots/change/none.db")


def test_the_newest_is_told_by_the_revision_whatever_clocks_say(machine: Launch) -> None:
    (a,) = born(machine, "a")
    (one,) = kept(a)
    of_cluster = [
        snapshot_store.Snapshot("late", 5, one.cluster_id, 1, one.kept),
        snapshot_store.Snapshot("more", 9, one.cluster_id, 1, one.kept.replace(year=2001)),
        snapshot_store.Snapshot("other", 99, 7, 1, one.kept.replace(year=2099)),
    ]
    newest = snapshot_store.newest(of_cluster, one.cluster_id)
    assert newest
    assert newest.name == "more"
    earlier = snapshot_store.newest(of_cluster, 1234)
    assert earlier
    assert earlier.name == "other"
    assert snapshot_store.newest([], 1234) is None


def test_only_a_declared_voters_machine_is_the_cluster(
    azure: tuple[Store, str], programs: Path, tmp_path: Path
) -> None:
    world = World(tmp_path, programs, f"{azure[1]}/{tmp_path.name}")
    world.declare("a", learner="b")
    with pytest.raises(RestoreError, match="prod-etcd-b is no declared voter"):
        restoring(world.machine("b")).plan()


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
    Unit(a).start()
    eventually(lambda: bool(restoring(b).plan().objections), "a has gone through its log")
    plan = restoring(b).plan()
    assert "run etcd-snapshot --own on its machine first" in plan.objections[0]
    with pytest.raises(RestoreError, match="see the objections"):
        restore._ask("prod", "prod", plan)
    assert not restoring(b).plan(kept(b)[0].name).objections


def test_what_the_durable_learner_has_is_the_source_once_all_voters_lost_theirs(
    azure: tuple[Store, str], programs: Path, tmp_path: Path
) -> None:
    world = World(tmp_path, programs, f"{azure[1]}/{tmp_path.name}")
    world.declare("ab", learner="c")
    try:
        a, b = born(world.machine, "ab")
        c = world.machine("c")
        c.prepare()
        c.start()
        a.etcdctl("put", "after the snapshot", "x")
        eventually(lambda: revision(c) == revision(a), "the learner knows what a knows")
        lose(a, b)
        plan = restoring(b).plan()
        assert isinstance(plan.source, Running)
        assert plan.source.address == c.me.address
        assert not plan.objections
        # Started again it serves nobody, but its own machine can still save what it has.
        c.stop()
        assert "does not run, and may know more" in restoring(b).plan().objections[0]
        Unit(c).start()
        own_snapshot.take(c.me, workshop(c), METRICS_PORT, c.places.data, Unit(c))
        eventually(lambda: not restoring(b).plan().objections, "the learner runs again")
        plan = restoring(b).plan()
        assert isinstance(plan.source, snapshot_store.Snapshot)
        assert plan.source.name.endswith("-learner.db")
        restoring(b).carry_out(plan)
        assert "after the snapshot" in written(b)
        a.boot()
        c.kill()
        c.prepare()
        c.start()
        assert {entry.name for entry in b.members() if entry.is_learner} == {c.me.name}
    finally:
        world.end()


def run_on(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, module: ModuleType, *arguments: str
) -> None:
    """Runs the program as a person on this machine does."""
    parameters = {
        **machine.parameters,
        "CLUSTER_NAME": "prod",
        "ETCD_METRICS_PORT": str(METRICS_PORT),
        "ETCD_SNAPSHOT_MINUTES": "15",
    }
    monkeypatch.setattr(module, "environment", lambda: parameters)
    monkeypatch.setattr(module, "this_member", lambda _: machine.me)
    monkeypatch.setattr(snapshot, "workshop", lambda _: workshop(machine))
    monkeypatch.setattr(restore, "Places", lambda: machine.places)
    monkeypatch.setattr(restore, "Service", lambda: Unit(machine))
    monkeypatch.setattr("sys.argv", ["program", *arguments])
    module.main()


def test_the_program_shows_asks_and_restores(
    machine: Launch,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (a,) = born(machine, "a")
    (source,) = kept(a)
    run_on(a, monkeypatch, restore, "--list")
    assert source.name in capsys.readouterr().out
    run_on(a, monkeypatch, restore, "--scratch", str(tmp_path / "rehearsal"))
    assert "can be restored" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="not restored: a quorum lives"):
        run_on(a, monkeypatch, restore, "--yes", "prod")
    lose(a)
    before = birth_record.read(a.container)
    with pytest.raises(SystemExit, match=r"nothing was changed; to restore: .* --yes prod"):
        run_on(a, monkeypatch, restore)
    with pytest.raises(SystemExit, match="this machine is of cluster prod, not dev"):
        run_on(a, monkeypatch, restore, "--yes", "dev")
    assert birth_record.read(a.container) == before
    run_on(a, monkeypatch, restore, "--yes", "prod")
    assert "restored: prod-etcd-a is the cluster" in capsys.readouterr().out
    assert a.client.count(a.me.address) == COUNT


def test_the_scheduled_program_tells_prometheus_and_fails_loudly(
    machine: Launch, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = machine("a")
    a.boot()
    folder = a.places.metrics
    monkeypatch.setattr(
        metrics, "write", lambda name, samples: metrics_write(name, samples, folder)
    )
    run_on(a, monkeypatch, snapshot_schedule)
    told = metrics.read(folder).decode()
    assert "kilonode_etcd_snapshot_failed 0.0" in told
    assert "kilonode_etcd_snapshot_newest_revision 1" in told
    assert "kilonode_etcd_snapshot_duration_seconds" in told
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "MORE_BYTES", 1 << 60)
        with pytest.raises(SystemExit, match=r"no snapshot: .* are needed"):
            run_on(a, monkeypatch, snapshot_schedule, "--own")
    told = metrics.read(folder).decode()
    assert "kilonode_etcd_snapshot_failed 1.0" in told
    assert "kilonode_etcd_snapshot_newest_revision 1" in told
    store.down = True
    with pytest.raises(SystemExit, match=r"no snapshot: .*503"):
        run_on(a, monkeypatch, snapshot_schedule)
    assert "kilonode_etcd_snapshot_failed 1.0" in metrics.read(folder).decode()
