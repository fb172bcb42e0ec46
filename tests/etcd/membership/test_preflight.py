"""Masters ask, with real etcd members, whether their clusters may be touched."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from kilonode.etcd.gate import take_the_lead
from kilonode.etcd_preflight import Question, UnhealthyError, UnreadableError, check
from kilonode.etcdctl import Etcdctl

from tests.etcd.machine import CLIENT_PORT, Machine, eventually
from tests.etcd.world import Launch
from tests.unit.blob_store import Store


@pytest.fixture
def ask(machine: Launch, programs: Path, tmp_path: Path) -> Question:
    """A master's question; the last address is the durable learner's."""
    pki = tmp_path / "master"
    first = machine("a")
    shutil.copytree(first.places.pki, pki)
    for end in ("crt", "key"):
        (pki / f"member.{end}").rename(pki / f"client.{end}")
    addresses = [first.me.address, *first.me.peers]
    etcdctl = Etcdctl(CLIENT_PORT, pki, str(programs / "etcdctl"), seconds=3)
    last = machine("c").me.address
    return Question(etcdctl, addresses[:-1], addresses[-1], last, first.container)


@pytest.fixture
def three(machine: Launch) -> list[Machine]:
    members = [machine(letter) for letter in "abc"]
    for each in members:
        each.boot()
    return members


def test_a_healthy_cluster_may_be_touched(ask: Question, three: list[Machine]) -> None:
    assert check(ask) == "all 3 members are healthy"


def test_the_last_member_leads_before_the_first_is_deleted(
    ask: Question, three: list[Machine]
) -> None:
    first, *_, last = three
    for leader in (first, last):
        take_the_lead(leader.client, leader.me)
        assert leader.client.status(leader.me.address).leader == leader.client.own_id(
            leader.me.address
        )
        assert check(ask)
        assert last.client.status(first.me.address).leader == last.client.own_id(last.me.address)


def test_a_sick_member_is_named_wherever_it_stands_in_the_chain(
    ask: Question, three: list[Machine]
) -> None:
    for sick in three:
        sick.kill()
        with pytest.raises(UnhealthyError, match=f"member {sick.me.name} is not healthy"):
            check(ask)
        sick.boot()
        check(ask)


def test_a_lost_quorum_is_told_with_those_who_lost_it(ask: Question, three: list[Machine]) -> None:
    three[1].kill()
    three[2].kill()
    with pytest.raises(UnhealthyError, match=r"prod-etcd-b.*prod-etcd-c"):
        check(ask)


def test_a_full_member_is_sick(ask: Question, machine: Launch) -> None:
    a = machine("a")
    a.quota_bytes = 1 << 17
    a.boot()
    eventually(a.is_full, "the quota is reached")
    with pytest.raises(UnhealthyError, match="NOSPACE"):
        check(ask)


def test_a_member_that_has_not_joined_fully_is_sick(ask: Question, machine: Launch) -> None:
    """Deleting another one now could leave less than a quorum."""
    a, b = machine("a"), machine("b")
    a.boot()
    b.prepare()
    with pytest.raises(UnhealthyError, match=f"the member at {b.me.address} has never started"):
        check(ask)
    b.start()
    with pytest.raises(UnhealthyError, match="member prod-etcd-b is still a learner"):
        check(ask)


def test_a_dead_durable_learner_stops_nothing(ask: Question, machine: Launch) -> None:
    """The voters agree without it, and the update may be what mends it."""
    a, learner = machine("a"), machine("i")
    a.boot()
    learner.prepare()
    assert check(ask) == "all 1 members are healthy"
    learner.start()
    learner.kill()
    assert check(ask) == "all 1 members are healthy"


def test_nobody_is_waited_for_where_nobody_listens(ask: Question) -> None:
    """The very first update asks so, and etcdctl would take all its time to find nobody."""
    without_etcdctl = replace(ask, etcd=replace(ask.etcd, program="/nonexistent"))
    assert "nothing to lose" in check(without_etcdctl)


def test_an_unborn_cluster_is_told_from_a_dead_one(
    ask: Question, machine: Launch, store: Store
) -> None:
    a = machine("a")
    assert "nothing to lose" in check(ask)
    a.boot()
    a.kill()
    with pytest.raises(UnhealthyError, match="was born, but has no quorum"):
        check(ask)
    store.down = True
    with pytest.raises(UnreadableError, match="503"):
        check(ask)
