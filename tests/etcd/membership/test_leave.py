"""Members that are not declared any more leave the cluster, one after the other."""

import pytest
from kilonode.etcd import leave
from kilonode.etcd.client import EtcdError, address_of
from kilonode.etcd.gate import check_cluster
from kilonode.etcd.health import UnhealthyError
from kilonode.etcd.snapshot_store import snapshots

from tests.etcd.machine import eventually
from tests.etcd.snapshots.programs import workshop
from tests.etcd.world import World


def test_a_cluster_of_five_becomes_one_of_three_while_it_serves(world: World) -> None:
    machines = [world.machine(letter) for letter in "abcde"]
    for each in machines:
        each.boot()
    # The leader is one that leaves, and another leaving member is dead already.
    goes = next(each for each in machines if each.leads())
    dead = next(each for each in machines if each is not goes)
    staying = [each for each in machines if each not in (goes, dead)]
    dead.kill()
    letters = "".join(each.me.name[-1] for each in staying)
    world.declare(letters)
    me, *others = staying
    declared = me.declaration().look_up()
    step = leave.Leave(me.me, [each.me.name for each in staying], workshop(me)).step

    # A name is forgotten: its member would leave as well.
    with pytest.raises(leave.NamesError, match=others[0].me.name):
        leave.Leave(me.me, [me.me.name, others[1].me.name], workshop(me)).step(declared)

    # Gates come before those leave who are not declared any more.
    with pytest.raises(UnhealthyError, match=f"{dead.me.name}.* A dead member has to leave"):
        check_cluster(me.client, me.me)

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
