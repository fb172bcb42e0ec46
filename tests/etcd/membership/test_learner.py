"""The member that never votes: it joins, keeps up, and comes back; the voters do not need it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kilonode.etcd import gate, promote
from kilonode.etcd.gate import check_cluster
from kilonode.etcd.health import UnhealthyError

from tests.etcd.machine import Machine, eventually
from tests.etcd.world import World
from tests.unit.blob_store import Store


@pytest.fixture(scope="module")
def machines(
    azure: tuple[Store, str], programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Machine, Machine]]:
    """A voter and the learner."""
    world = World(tmp_path_factory.mktemp("learner"), programs, f"{azure[1]}/learner")
    world.declare("a", learner="i")
    yield world.machine("a"), world.machine("i")
    world.end()


@pytest.fixture
def cluster(machines: tuple[Machine, Machine]) -> tuple[Machine, Machine]:
    for each in machines:
        each.boot()
    for each in machines:
        eventually(each.is_healthy, f"{each.me.name} passes its gate")
    return machines


def test_it_joins_as_a_learner_and_is_never_promoted(
    cluster: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    voter, learner = cluster
    monkeypatch.setattr(promote, "environment", dict)
    monkeypatch.setattr(promote, "this_member", lambda _: learner.me)
    promote.main()
    kinds = {each.name: each.is_learner for each in voter.members()}
    assert kinds == {"prod-etcd-a": False, "prod-etcd-i": True}


def test_it_comes_back_as_a_learner_with_its_data_or_without(
    cluster: tuple[Machine, Machine],
) -> None:
    voter, learner = cluster
    voter.etcdctl("put", "key", "value")
    before = learner.client.own_id(learner.me.address)
    learner.kill()
    learner.boot()
    assert learner.client.own_id(learner.me.address) == before
    learner.kill()
    learner.lose_local_disk()
    learner.boot()
    eventually(learner.is_healthy, "the learner is in sync")
    assert learner.client.own_id(learner.me.address) != before
    assert [each.is_learner for each in voter.members()].count(True) == 1
    found = learner.etcdctl("get", "key", "--consistency=s", "--print-value-only")
    assert found.strip() == "value"


def test_its_gate_is_closed_until_it_has_what_the_leader_has(
    cluster: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, learner = cluster
    monkeypatch.setattr(gate, "_IN_SYNC_ENTRIES", -1)
    with pytest.raises(UnhealthyError, match="0 entries behind its leader"):
        check_cluster(learner.client, learner.me)


def test_its_gate_is_closed_while_no_voter_leads(cluster: tuple[Machine, Machine]) -> None:
    voter, learner = cluster
    voter.kill()
    with pytest.raises(UnhealthyError, match="no member confirms"):
        check_cluster(learner.client, learner.me)


def test_it_neither_founds_nor_keeps_the_voters_from_beginning_anew(
    cluster: tuple[Machine, Machine],
) -> None:
    voter, learner = cluster
    voter.kill()
    # It runs, but a learner tells nobody who the members are.
    assert not voter.client.answers([learner.me.address])
    learner.kill()
    learner.lose_local_disk()
    learner.expect_waiting("no member answers")


def test_a_dead_one_closes_nobody_elses_gate(
    cluster: tuple[Machine, Machine],
) -> None:
    voter, learner = cluster
    check_cluster(voter.client, voter.me)
    learner.kill()
    knowing = replace(voter.me, learner=learner.me.address)
    check_cluster(voter.client, knowing)
