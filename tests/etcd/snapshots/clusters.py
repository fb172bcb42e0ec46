"""Clusters with snapshots, and what becomes of both."""

from __future__ import annotations

from pathlib import Path

from kilonode.etcd import snapshot, snapshot_store

from tests.etcd.machine import Machine
from tests.etcd.snapshots.programs import restoring, workshop
from tests.etcd.world import Launch

COUNT = 20


def born(machine: Launch, letters: str) -> list[Machine]:
    """Healthy members, and keys that are in a snapshot."""
    members = [machine(letter) for letter in letters]
    for each in members:
        each.boot()
    for number in range(COUNT):
        members[0].put(f"key {number}", f"value {number}".encode())
    snapshot.take(members[0].me.address, workshop(members[0]), reason="change")
    return members


def lose(*members: Machine) -> None:
    for each in members:
        each.kill()
    for each in members:
        each.lose_local_disk()


def carry_out(machine: Machine) -> None:
    """What an operator does who says yes to what etcd-restore shows."""
    carried = restoring(machine)
    carried.carry_out(carried.plan())


def kept(machine: Machine, folder: str = "") -> list[snapshot_store.Snapshot]:
    return snapshot_store.snapshots(machine.container, folder)


def damage(file: Path, where: float) -> None:
    """Turns one bit."""
    content = bytearray(file.read_bytes())
    content[int(len(content) * where)] ^= 1
    file.write_bytes(bytes(content))


def revision(machine: Machine) -> int:
    return machine.client.status(machine.me.address).revision


def written(machine: Machine) -> list[str]:
    return machine.etcdctl("get", "", "--prefix", "--keys-only").split("\n\n")
