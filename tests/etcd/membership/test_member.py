"""One member after another: born, joined, stopped, and killed half-way."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kilonode.etcd import data_dir
from kilonode.etcd.decision import (
    Found,
    Join,
    Restart,
    StartNew,
    Wait,
    decide,
)
from kilonode.etcd.gate import check_cluster
from kilonode.etcd.health import UnhealthyError

from tests.etcd.authority import Authority
from tests.etcd.machine import Machine, eventually
from tests.etcd.world import Launch, World
from tests.unit.blob_store import Store

BIRTH = "/etcd/birth.json"


@pytest.fixture(scope="module")
def shared(
    azure: tuple[Store, str], programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Machine]]:
    world = World(tmp_path_factory.mktemp("shared"), programs, f"{azure[1]}/etcd")
    yield [world.machine(letter) for letter in "abc"]
    world.end()


@pytest.fixture
def cluster(shared: list[Machine], store: Store) -> list[Machine]:
    """Three healthy members, made as a chain of machines is, or healed since the last test."""
    for each in shared:
        each.boot()
    for each in shared:
        check_cluster(each.client, each.me)
    return shared


def test_a_cluster_grows_from_its_founder_by_joining(cluster: list[Machine], store: Store) -> None:
    a, b, c = cluster
    listed = a.members()
    assert [(entry.name, entry.is_learner) for entry in sorted(listed, key=lambda e: e.name)] == [
        ("prod-etcd-a", False),
        ("prod-etcd-b", False),
        ("prod-etcd-c", False),
    ]
    assert BIRTH in store.blobs
    assert not a.places.intention.exists()
    a.etcdctl("put", "key", "value")
    assert c.etcdctl("get", "key", "--print-value-only").strip() == "value"
    assert "learner" not in b.etcdctl("endpoint", "status", "--cluster").lower()


def test_the_data_directory_tells_what_the_member_list_tells(cluster: list[Machine]) -> None:
    for each in cluster:
        known = data_dir.read(each.places.data)
        assert known
        own = next(entry for entry in each.members() if entry.id == known.member_id)
        assert own.name == each.me.name
        assert known.cluster_id == each.client.answer(each.me.address).cluster_id


def test_all_members_stopped_come_back_with_their_data(
    cluster: list[Machine],
) -> None:
    a, b, c = cluster
    a.etcdctl("put", "key", "value")
    before = {entry.id for entry in a.members()}
    for each in cluster:
        each.stop()
    for each in cluster:
        # No one may wait for another that is not up yet.
        assert decide(each.preparation().look()) == Restart()
        each.prepare()
        each.start(wait=False)
    for each in cluster:
        each.wait_until_voter()
    assert {entry.id for entry in c.members()} == before
    assert b.etcdctl("get", "key", "--print-value-only").strip() == "value"


def test_a_machine_killed_after_it_was_added_joins_at_its_next_start(machine: Launch) -> None:
    a, b = machine("a"), machine("b")
    a.boot()
    b.preparation().act(Join(a.me.address))
    unstarted = next(entry for entry in a.members() if not entry.name)
    with pytest.raises(UnhealthyError, match="never started"):
        check_cluster(a.client, a.me)
    b.boot()
    assert unstarted.id not in {entry.id for entry in a.members()}
    assert len(b.members()) == 2


def test_a_founder_killed_before_etcd_first_starts_founds_at_its_next_start(
    machine: Launch, store: Store
) -> None:
    a = machine("a")
    preparation = a.preparation()
    # Killed before the record is written …
    store.down = True
    with pytest.raises(OSError, match="503"):
        preparation.act(Found())
    token = a.places.intention.read_text()
    store.down = False
    # … and again after.
    preparation.act(decide(preparation.look()))
    assert decide(preparation.look()) == StartNew(token)
    # … and when etcd has made its log, but has not put anything into it.
    a.prepare()
    wal = a.places.data / "member/wal"
    wal.mkdir(parents=True)
    (wal / "0000000000000000-0000000000000000.wal").write_bytes(bytes(1024))
    a.boot()
    check_cluster(a.client, a.me)
    assert not a.places.intention.exists()


def test_nobody_without_a_certificate_of_the_cluster_is_answered(machine: Launch) -> None:
    a, stranger = machine("a"), machine("b")
    a.boot()
    shutil.rmtree(stranger.places.pki)
    Authority().certify(stranger.places.pki, "prod-etcd-b", stranger.me.address)
    assert not stranger.client.answers([a.me.address])


def test_the_gate_stays_closed_while_a_member_is_away(cluster: list[Machine]) -> None:
    # Without the leader there would be none for a moment, which is another reason.
    away, _, leader = sorted(cluster, key=Machine.leads)
    away.kill()
    with pytest.raises(UnhealthyError, match=away.me.name):
        check_cluster(leader.client, leader.me)


def test_the_gate_stays_closed_while_an_alarm_is_raised(machine: Launch) -> None:
    a = machine("a")
    a.quota_bytes = 1 << 17
    a.boot()
    eventually(a.is_full, "the quota is reached")
    with pytest.raises(UnhealthyError, match="NOSPACE"):
        check_cluster(a.client, a.me)


def test_a_learner_is_no_voter_for_the_gate(machine: Launch) -> None:
    a, b = machine("a"), machine("b")
    a.boot()
    b.prepare()
    b.start()
    with pytest.raises(UnhealthyError, match="no voter yet"):
        check_cluster(b.client, b.me)
    b.wait_until_voter()
    check_cluster(b.client, b.me)


def test_what_was_decided_is_told_to_prometheus(machine: Launch) -> None:
    b = machine("b")
    preparation = b.preparation()
    step = decide(preparation.look())
    assert step == Wait("the cluster is not born yet: waiting for its founder")
    preparation.act(step)
    told = (b.places.metrics / "etcd-member.prom").read_text().splitlines()
    assert 'kilonode_etcd_member_decision{step="Wait"} 1' in told
    assert any(line.startswith("kilonode_etcd_member_decision_time_seconds ") for line in told)
