"""Masters ask, with real etcd members, whether their clusters may be touched."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from kilonode.etcd_preflight import Question, UnhealthyError, UnreadableError, check
from kilonode.etcdctl import Etcdctl

from config.artifacts import catalog
from tests.etcd.machine import CLIENT_PORT, Machine, eventually
from tests.etcd.world import Launch
from tests.unit.blob_store import Store

VERSION = catalog().artifacts["etcd"].version


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
    container = first.container
    return Question(
        *(etcdctl, addresses[:-1], addresses[-1], first.me.address, container),
        lone=False,
        version=VERSION,
    )


@pytest.fixture
def three(machine: Launch) -> list[Machine]:
    members = [machine(letter) for letter in "abc"]
    for each in members:
        each.boot()
    return members


def test_a_healthy_cluster_may_be_touched(ask: Question, three: list[Machine]) -> None:
    assert check(ask) == "all 3 members are healthy"


def test_who_is_to_be_deleted_does_not_lead(ask: Question, three: list[Machine]) -> None:
    """Azure promises it no clean shutdown, and every write would wait for an election."""
    for doomed, leads in ((0, 2), (1, 2), (2, 1)):
        assert check(replace(ask, member=three[doomed].me.address))
        assert three[leads].leads()


def test_nobody_hands_over_to_a_machine_that_is_to_be_made(
    ask: Question, machine: Launch, three: list[Machine]
) -> None:
    leader = next(each for each in three if each.leads())
    assert check(replace(ask, member=machine("d").me.address))
    assert leader.leads()


def test_no_member_is_deleted_without_whom_the_others_have_no_quorum(
    ask: Question, machine: Launch
) -> None:
    """A cluster that is still being built: its data would be gone, or wait for ever."""
    a, b = machine("a"), machine("b")
    a.boot()
    with pytest.raises(UnhealthyError, match=f"voters: 1, so without the one at {a.me.address}"):
        check(ask)
    assert check(replace(ask, lone=True)), "a cluster of one may be what the settings ask for"
    assert check(replace(ask, member=b.me.address)), "it is about to be made"
    b.boot()
    with pytest.raises(UnhealthyError, match="voters: 2"):
        check(replace(ask, lone=True))


def test_no_member_is_deleted_whose_next_etcd_could_not_join(
    ask: Question, machine: Launch, three: list[Machine]
) -> None:
    """Such as by a reverted update: the others would be left with one vote less for good."""
    major, minor = map(int, VERSION.split(".")[:2])

    def of(major: int, minor: int) -> Question:
        return replace(ask, version=f"{major}.{minor}.1")

    for fitting in (of(major, minor), of(major, minor + 1)):
        assert check(fitting)
    for other in (of(major, minor - 1), of(major, minor + 2), of(major + 1, minor)):
        for member in (ask.member, machine("d").me.address):
            with pytest.raises(
                UnhealthyError,
                match=rf"etcd {other.version} cannot .* {major}\.{minor}\.0, .*: set",
            ):
                check(replace(other, member=member))


def test_a_cluster_of_one_that_may_be_lost_begins_with_any_version(
    ask: Question, machine: Launch
) -> None:
    """Its data goes with its machine, so there is nobody to join."""
    machine("a").boot()
    assert check(replace(ask, lone=True, version="3.1.0"))


def test_a_sick_member_is_named_wherever_it_stands_in_the_chain(
    ask: Question, three: list[Machine]
) -> None:
    for sick in three:
        sick.kill()
        with pytest.raises(
            UnhealthyError, match=f"member {sick.me.name} is not healthy.* has to leave"
        ):
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


def test_a_dead_durable_learner_stops_nothing(
    ask: Question, machine: Launch, three: list[Machine]
) -> None:
    """The voters agree without it, and the update may be what mends it."""
    learner = machine("i")
    learner.prepare()
    assert check(ask) == "all 3 members are healthy"
    learner.start()
    learner.kill()
    assert check(ask) == "all 3 members are healthy"


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
