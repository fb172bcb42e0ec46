"""Every situation of a member, by real ones: it ends healthy, or waits with the right word."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from kilonode.etcd import birth_record, promote, snapshot
from kilonode.etcd.decision import Record, Remove, SetAside, Wait, cluster_of_one, decide
from kilonode.etcd.snapshot_store import snapshots

from tests.etcd.machine import Machine, eventually
from tests.etcd.membership.clusters import (
    boot,
    cluster_id,
    expect_whole,
    member_id,
    wipe,
)
from tests.etcd.world import World
from tests.unit.blob_store import Store

LETTERS = "abcdefghi"


@dataclass(frozen=True)
class Cluster:
    """`zone`: the most that may be lost at once. It is what is struck; the others go on."""

    world: World
    machines: list[Machine]
    programs: Path

    @property
    def zone(self) -> list[Machine]:
        return self.machines[len(self.machines) // 2 + 1 :]

    @property
    def others(self) -> list[Machine]:
        return self.machines[: len(self.machines) // 2 + 1]

    @property
    def record(self) -> Record:
        found = birth_record.read(self.machines[0].container)
        assert isinstance(found, Record)
        return found

    def put(self, value: str) -> None:
        self.machines[0].etcdctl("put", "key", value)

    def expect(self, value: str) -> None:
        for machine in self.machines:
            assert machine.etcdctl("get", "key", "--print-value-only").strip() == value

    def all_lost(self, what: str) -> None:
        for machine in self.machines:
            machine.parameters["ETCD_ALL_LOST"] = what


@pytest.fixture(scope="module", params=[3, 5], ids=["3 members", "5 members"])
def born(
    request: pytest.FixtureRequest,
    azure: tuple[Store, str],
    programs: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    """All its machines boot at once, before there is a cluster."""
    folder = tmp_path_factory.mktemp("born")
    letters = LETTERS[: request.param]
    world = World(folder, programs, f"{azure[1]}/{folder.name}")
    world.declare(letters)
    cluster = Cluster(world, [world.machine(letter) for letter in letters], programs)
    boot(cluster.machines)
    yield cluster
    world.end()


@pytest.fixture
def cluster(born: Cluster, store: Store) -> Cluster:
    """A healthy one: that of the test before, which has to have healed."""
    expect_whole(born.machines)
    return born


def test_machines_that_boot_at_once_are_born_as_one_cluster(cluster: Cluster) -> None:
    founder = cluster.machines[0]
    assert cluster.record.founder == founder.me.name
    assert cluster.record.cluster_id == cluster_id(founder)
    assert cluster.record.cluster_id == cluster_of_one(founder.me.peer_url, cluster.record.token)


def test_a_restarted_member_is_the_same_one(cluster: Cluster) -> None:
    struck = cluster.machines[-1]
    before = member_id(struck)
    struck.kill()
    struck.boot()
    expect_whole(cluster.machines)
    assert member_id(struck) == before


def test_all_members_stopped_go_on_without_the_store(cluster: Cluster, store: Store) -> None:
    cluster.put("before")
    before = set(map(member_id, cluster.machines))
    for machine in cluster.machines:
        machine.stop()
    store.down = True
    boot(cluster.machines)
    store.down = False
    expect_whole(cluster.machines)
    cluster.expect("before")
    assert set(map(member_id, cluster.machines)) == before


def test_a_zone_of_blank_members_heals_whatever_its_clock_says(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.put("kept")
    before = set(map(member_id, cluster.machines))
    wipe(cluster.zone)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3e8)
    boot(cluster.zone)
    expect_whole(cluster.machines)
    cluster.expect("kept")
    assert set(map(member_id, cluster.others)) <= before
    assert not before & set(map(member_id, cluster.zone))


def test_what_the_cluster_was_is_kept_before_a_vote_is_taken_from_it(cluster: Cluster) -> None:
    cluster.put("kept")
    revision = cluster.machines[0].client.status(cluster.machines[0].me.address).revision
    before = snapshots(cluster.machines[0].container, "change")
    wipe(cluster.machines[-1:])
    boot(cluster.machines[-1:])
    after = snapshots(cluster.machines[0].container, "change")
    taken = [each for each in after if each not in before]
    assert [(each.cluster_id, each.revision) for each in taken] == [
        (cluster.record.cluster_id, revision)
    ]


def test_a_blank_member_waits_while_no_snapshot_can_be_kept(
    cluster: Cluster, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_STORE_PATIENCE_SECONDS", 0.0)
    struck = cluster.machines[-1]
    wipe([struck])
    store.down = True
    preparation = struck.preparation()
    step = decide(preparation.look())
    assert isinstance(step, Remove)
    with pytest.raises(OSError, match="503"):
        preparation.act(step)
    assert struck.me.name in {entry.name for entry in cluster.machines[0].members()}
    store.down = False
    boot([struck])
    expect_whole(cluster.machines)


def test_a_blank_member_heals_while_the_rest_of_its_zone_stays_away(cluster: Cluster) -> None:
    wipe(cluster.zone)
    for machine in cluster.zone:
        # What is healthy, or not yet, of the zone is no condition.
        machine.boot()
    expect_whole(cluster.machines)


def test_a_member_that_was_removed_while_it_was_away_rejoins(cluster: Cluster) -> None:
    struck = cluster.machines[-1]
    before = member_id(struck)
    struck.stop()
    cluster.machines[0].etcdctl("member", "remove", f"{before:x}")
    struck.boot()
    expect_whole(cluster.machines)
    assert member_id(struck) != before
    assert (struck.places.data.parent / "etcd.old/member").is_dir()


def test_data_of_an_older_life_of_the_member_is_set_aside(cluster: Cluster) -> None:
    struck = cluster.machines[-1]
    struck.kill()
    older = struck.folder / "older"
    shutil.copytree(struck.places.data, older)
    struck.lose_local_disk()
    struck.boot()
    struck.kill()
    shutil.rmtree(struck.places.data)
    older.rename(struck.places.data)
    cluster.put("newer")
    assert isinstance(decide(struck.preparation().look()), SetAside)
    struck.boot()
    expect_whole(cluster.machines)
    cluster.expect("newer")


def test_a_blank_member_waits_while_the_quorum_is_lost(cluster: Cluster) -> None:
    cluster.put("kept")
    blank, *stopped = cluster.machines[len(cluster.machines) // 2 :]
    wipe([blank])
    for machine in stopped:
        machine.kill()
    blank.expect_waiting("the cluster has lost its quorum")
    boot([blank, *stopped])
    expect_whole(cluster.machines)
    cluster.expect("kept")


def test_a_machine_that_is_not_declared_serves_as_long_as_it_has_data(cluster: Cluster) -> None:
    struck = cluster.machines[-1]
    cluster.world.declare(LETTERS[: len(cluster.machines) - 1])
    struck.kill()
    struck.boot()
    assert struck.is_healthy()
    wipe([struck])
    struck.expect_waiting("not declared")
    cluster.world.declare(LETTERS[: len(cluster.machines)])
    struck.boot()
    expect_whole(cluster.machines)


@pytest.mark.parametrize("all_lost", ["wait", "reinitialise"])
def test_a_blank_founder_cut_off_from_its_peers_waits(
    cluster: Cluster, store: Store, all_lost: str
) -> None:
    founder = cluster.machines[0]
    record = cluster.record
    wipe([founder])
    cluster.all_lost(all_lost)
    me, founder.me = founder.me, replace(founder.me, peers=("127.255.255.254",))
    words = {"wait": "operator has to restore", "reinitialise": "these may still have data"}
    founder.expect_waiting(words[all_lost])
    store.down = True
    founder.expect_waiting("birth record cannot be read")
    store.down = False
    founder.me = me
    founder.boot()
    cluster.all_lost("wait")
    expect_whole(cluster.machines)
    assert cluster.record == record


def test_all_lost_waits_for_an_operator_and_goes_on_with_what_is_restored(
    cluster: Cluster, store: Store, tmp_path: Path
) -> None:
    cluster.put("kept")
    before = cluster.record
    saved = tmp_path / "snapshot.db"
    cluster.machines[0].etcdctl("snapshot", "save", str(saved))
    cluster.put("lost")
    # A majority is blank; the rest has data that must not rise again.
    wipe(cluster.others)
    for machine in cluster.zone:
        machine.kill()
    for machine in cluster.others:
        machine.expect_waiting("operator has to restore a snapshot")
    restored, *others = cluster.others
    restore(restored, saved, cluster)
    # Its place was taken: not started though nobody answers, nor once the store is away again.
    assert isinstance(decide(cluster.zone[0].preparation().look()), SetAside)
    cluster.zone[0].expect_waiting("no member answers")
    store.down = True
    cluster.zone[0].expect_waiting("cannot be read")
    store.down = False
    boot([restored, *others, *cluster.zone])
    expect_whole(cluster.machines)
    cluster.expect("kept")
    assert cluster_id(restored) == cluster.record.cluster_id != before.cluster_id


def restore(machine: Machine, saved: Path, cluster: Cluster) -> None:
    """What an operator's command comes down to: data first, and then the record."""
    token = "restored"
    subprocess.run(
        [
            *(str(cluster.programs / "etcdutl"), "snapshot", "restore", str(saved)),
            *(f"--data-dir={machine.places.data}", f"--name={machine.me.name}"),
            f"--initial-cluster={machine.me.name}={machine.me.peer_url}",
            f"--initial-advertise-peer-urls={machine.me.peer_url}",
            *(f"--initial-cluster-token={token}", "--bump-revision=1000000000"),
            "--mark-compacted",
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    record = Record(machine.me.name, token, cluster_of_one(machine.me.peer_url, token))
    birth_record.write(machine.container, record, over=cluster.record)


def test_all_lost_events_begin_anew_once_every_voter_is_known_to_be_blank(
    cluster: Cluster,
) -> None:
    before = cluster.record
    cluster.all_lost("reinitialise")
    *blank, stopped = cluster.machines
    wipe(blank)
    stopped.kill()
    for machine in blank:
        machine.expect_waiting("may still have data")
    assert decide(blank[0].preparation().look()) == Wait(
        f"no member answers, and these may still have data: {stopped.me.name}"
    )
    wipe([stopped])
    boot(cluster.machines)
    expect_whole(cluster.machines)
    cluster.all_lost("wait")
    assert cluster.record.founder == cluster.machines[0].me.name
    assert cluster.record.cluster_id == cluster_id(stopped) != before.cluster_id
    assert not cluster.machines[0].etcdctl("get", "key")


@pytest.mark.parametrize(("all_lost", "kept"), [("reinitialise", True), ("wait", False)])
def test_events_that_began_anew_have_the_key_that_apiservers_count_by(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, all_lost: str, kept: bool
) -> None:
    """Or each apiserver that runs ends in a panic when it compacts next. Once there, it stays."""
    founder = cluster.machines[0]
    founder.etcdctl("del", promote.COMPACTIONS)
    monkeypatch.setattr(promote, "environment", lambda: {"ETCD_ALL_LOST": all_lost})
    monkeypatch.setattr(promote, "this_member", lambda _: founder.me)
    monkeypatch.setattr(promote, "PKI", founder.places.pki)
    promote.main()
    assert bool(founder.etcdctl("get", promote.COMPACTIONS)) is kept
    founder.etcdctl("put", promote.COMPACTIONS, "331")
    promote.main()
    assert "331" in founder.etcdctl("get", promote.COMPACTIONS)


def test_two_that_both_believe_to_be_the_founder_are_born_as_one_cluster(
    azure: tuple[Store, str], programs: Path, tmp_path: Path
) -> None:
    world = World(tmp_path, programs, f"{azure[1]}/{tmp_path.name}")
    a, b = machines = [world.machine("a"), world.machine("b")]
    # The declaration was changed while they booted.
    world.declare("ab")
    old = a.places.bundle.read_text()
    world.declare("ba")
    world.silence_vault()
    a.places.bundle.write_text(old)
    try:
        boot(machines)
        eventually(lambda: a.is_healthy() and b.is_healthy(), "both are healthy voters")
        assert cluster_id(a) == cluster_id(b)
    finally:
        world.end()
