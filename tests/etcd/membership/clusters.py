"""Clusters of machines that are struck, and boot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from kilonode.etcd import promote
from kilonode.etcd.client import EtcdError

from tests.etcd.machine import Machine, eventually


def boot(machines: Sequence[Machine]) -> None:
    """All at once, as systemd starts them; returns when each is a voter."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(_boot, machines))


def _boot(machine: Machine) -> None:
    """Also starts etcd again: it ends where another member joined just before it."""
    eventually(partial(_is_up, machine), f"{machine.me.name} is a voter")
    # ExecStartPost=
    machine.places.intention.unlink(missing_ok=True)


def _is_up(machine: Machine) -> bool:
    if not machine.running:
        machine.prepare()
        machine.start(wait=False)
    try:
        return promote.promoted(machine.client, machine.me)
    except EtcdError:
        return False


def expect_whole(machines: Sequence[Machine]) -> None:
    """All of them, and nobody else, are healthy voters of one cluster."""
    eventually(
        lambda: all(each.is_healthy() for each in machines), "all members are healthy voters"
    )
    expected = {machine.me.name for machine in machines}
    for machine in machines:
        assert {entry.name for entry in machine.members()} == expected
    assert len(set(map(cluster_id, machines))) == 1


def cluster_id(machine: Machine) -> int:
    return machine.client.status(machine.me.address).cluster_id


def member_id(machine: Machine) -> int:
    return machine.client.own_id(machine.me.address)


def wipe(machines: Iterable[Machine]) -> None:
    """Their power fails, and another disk is there when it comes back."""
    for machine in machines:
        machine.kill()
        machine.lose_local_disk()
