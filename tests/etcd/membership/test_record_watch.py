"""A member whose cluster's place was taken starts again, and so looks at the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest
from kilonode.etcd import birth_record, record_watch
from kilonode.etcd.client import EtcdError
from kilonode.etcd.decision import Record

from tests.etcd.machine import Machine, eventually
from tests.etcd.world import Launch, World
from tests.unit.blob_store import Store


def is_over(machine: Machine) -> bool:
    return record_watch.is_over(machine.client, machine.me, machine.container, machine.places.data)


def end_by_restore(machine: Machine) -> None:
    """Another cluster takes the place of this machine's."""
    record = birth_record.read(machine.container)
    assert isinstance(record, Record)
    birth_record.write(
        machine.container, replace(record, cluster_id=record.cluster_id + 1), over=record
    )


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """What the program runs on its machine."""
    made: list[Sequence[str]] = []

    def run(command: Sequence[str], *, check: bool) -> None:
        assert check
        made.append(command)

    monkeypatch.setattr(record_watch, "subprocess", SimpleNamespace(run=run))
    return made


def test_a_member_of_the_cluster_that_counts_goes_on(machine: Launch, store: Store) -> None:
    a = machine("a")
    a.boot()
    assert not is_over(a)
    store.down = True
    assert not is_over(a)


def test_a_member_without_a_quorum_learns_that_its_cluster_is_over(machine: Launch) -> None:
    a, b = machine("a"), machine("b")
    a.boot()
    b.boot()
    b.kill()
    a.kill()
    end_by_restore(a)
    # As it would start while the store does not answer.
    a.start(wait=False)
    eventually(lambda: answers(a), "a member serves though it has no quorum")
    assert is_over(a)


def answers(machine: Machine) -> bool:
    try:
        machine.client.status(machine.me.address)
    except EtcdError:
        return False
    return True


def test_etcd_is_started_again_only_where_its_cluster_is_over(
    machine: Launch, monkeypatch: pytest.MonkeyPatch, commands: list[Sequence[str]]
) -> None:
    a = machine("a")
    monkeypatch.setattr(record_watch, "environment", lambda: a.parameters)
    monkeypatch.setattr(record_watch, "this_member", lambda _: a.me)
    monkeypatch.setattr(record_watch, "PKI", a.places.pki)
    monkeypatch.setattr(record_watch, "DATA", a.places.data)
    a.boot()
    record_watch.main()
    assert not commands
    end_by_restore(a)
    record_watch.main()
    assert commands == [["systemctl", "try-restart", "--no-block", "etcd.service"]]


def test_a_learner_that_serves_nobody_learns_that_its_cluster_is_over(world: World) -> None:
    world.declare("a", learner="b")
    a, b = world.machine("a"), world.machine("b")
    a.boot()
    b.prepare()
    b.start()
    for each in (a, b):
        each.kill()
    b.start(wait=False)
    assert not is_over(b)
    end_by_restore(a)
    assert is_over(b)
