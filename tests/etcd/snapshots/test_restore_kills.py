"""A restore that is killed anywhere is done again, and nothing comes up in between."""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context

import pytest
from kilonode.etcd import (
    birth_record,
    data_dir,
    snapshot,
)
from kilonode.etcd.decision import SetAside, Wait, decide

from tests.etcd.machine import Machine, Unit
from tests.etcd.snapshots.clusters import (
    COUNT,
    born,
    carry_out,
)
from tests.etcd.world import Launch

# Each of them before and after it; once etcd is started again, nothing is left to be done.
STEPS: dict[str, tuple[object, str]] = {
    "while the snapshot is fetched": (snapshot, "fetch"),
    "while it is restored": (snapshot, "restore"),
    "when etcd is ended": (Unit, "stop"),
    "when the record is replaced": (birth_record, "write"),
    "when the old data is set aside": (data_dir, "set_aside"),
}


def kill_at(machine: Machine, step: str, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restores in a process of its own, which kill -9 ends there. The machine's etcd is down."""
    module, name = STEPS[step]
    do = getattr(module, name)

    def killed(*arguments: object, **options: object) -> None:
        if moment == "after":
            do(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        process = get_context("fork").Process(target=carry_out, args=[machine])
        process.start()
        process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_whoever_is_killed_restores_again(
    machine: Launch, step: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (a,) = born(machine, "a")
    a.stop()
    kill_at(a, step, moment, monkeypatch)
    carry_out(a)
    assert a.client.count(a.me.address) == COUNT


def test_a_machine_that_is_killed_once_the_record_is_replaced_waits_for_the_operator(
    machine: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not found, nor rise with what it had."""
    (a,) = born(machine, "a")
    a.stop()
    kill_at(a, "when the record is replaced", "after", monkeypatch)
    preparation = a.preparation()
    step = decide(preparation.look())
    assert isinstance(step, SetAside)
    preparation.act(step)
    assert isinstance(decide(preparation.look()), Wait)
    carry_out(a)
    assert a.client.count(a.me.address) == COUNT
