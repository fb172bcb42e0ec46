"""Members that are not declared any more leave the cluster, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kilonode.etcd import leave
from kilonode.etcd.client import EtcdError, address_of
from kilonode.etcd.decision import Declared, Member
from kilonode.etcd.gate import check_cluster
from kilonode.etcd.health import UnhealthyError
from kilonode.etcd.snapshot_store import snapshots

from tests.unit.etcd_machines import Machine, Store, World, eventually, workshop


def entry(letter: str, *, learner: bool = False, started: bool = True) -> Member:
    index = ord(letter) - ord("a")
    urls = (f"https://10.0.0.{10 + index}:2380",)
    return Member(0xA0 + index, f"etcd-{letter}" if started else "", urls, (), learner)


def test_a_member_that_never_started_is_known_by_its_address() -> None:
    declared = Declared("etcd-a", {"etcd-a": "10.0.0.10"}, {"etcd-i": "10.0.0.18"})
    names = ["etcd-a", "etcd-i"]
    for letter, is_declared in {"a": True, "b": False, "i": True}.items():
        for started in (True, False):
            member = entry(letter, started=started)
            assert leave.is_declared(member, names, declared) == is_declared


def test_learners_leave_first_and_the_leader_last() -> None:
    leaving = [entry("a"), entry("b"), entry("c", learner=True)]
    order = []
    while leaving:
        order.append(leave.next_to_leave(leaving, leader=0xA0))
        leaving.remove(order[-1])
    assert [member.name for member in order] == ["etcd-c", "etcd-b", "etcd-a"]


@pytest.fixture
def world(azure: tuple[Store, str], programs: Path, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, programs, f"{azure[1]}/{tmp_path.name}")
    yield made
    made.end()


def leader(machines: list[Machine]) -> Machine:
    status = machines[0].client.status(machines[0].me.address)
    by_id = {each.client.own_id(each.me.address): each for each in machines}
    return by_id[status.leader]


def test_a_cluster_of_five_becomes_one_of_three_while_it_serves(world: World) -> None:
    machines = [world.machine(letter) for letter in "abcde"]
    for each in machines:
        each.boot()
    # The leader is one that leaves, and another leaving member is dead already.
    goes = leader(machines)
    dead = next(each for each in machines if each is not goes)
    staying = [each for each in machines if each not in (goes, dead)]
    dead.kill()
    letters = "".join(each.me.name[-1] for each in staying)
    world.declare(letters)
    me, *others = staying
    declared = me.declaration().look_up()
    step = leave.Leave(me.me, [each.me.name for each in staying], workshop(me)).step

    # One that stays is sick: nobody leaves.
    others[0].kill()
    with pytest.raises(UnhealthyError, match=others[0].me.name):
        step(declared)
    assert len(me.members()) == 5
    others[0].boot()

    left: list[str] = []

    def all_left() -> bool:
        try:
            member = step(declared)
        except (EtcdError, UnhealthyError):
            # Such as while who stays has not been connected for five seconds.
            return False
        if member:
            left.append(member.name)
        return member is None

    eventually(all_left, "all that are not declared have left")
    assert left == [dead.me.name, goes.me.name]
    assert {address_of(each) for each in me.members()} == {each.me.address for each in staying}
    for each in staying:
        check_cluster(each.client, each.me)
    # What the cluster was before they left; two of one second and revision are one.
    assert {each.cluster_id for each in snapshots(me.container, "change")} == {
        me.client.status(me.me.address).cluster_id
    }
    # Whose machine is still there does not come back.
    dead.expect_waiting("not declared")
    goes.kill()
    goes.expect_waiting("not declared")
