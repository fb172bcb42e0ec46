"""The program is killed at each of its steps, and before and after each change that it makes.

The machine then boots again, and ends healthy, or waits with the right word.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import pytest
from _pytest.mark.structures import ParameterSet
from kilonode import metadata
from kilonode.etcd import birth_record, lost_reports
from kilonode.etcd.decision import Record, Step

from tests.conftest import Tell
from tests.etcd.machine import Machine
from tests.etcd.membership.clusters import boot, cluster_id, expect_whole, member_id, wipe
from tests.etcd.membership.killable import Plan
from tests.etcd.world import World
from tests.unit.blob_store import Store

TOP = Path(__file__).parents[3]


@dataclass(frozen=True)
class Scene:
    """A cluster whose last machine, `struck`, has its program killed."""

    machines: list[Machine]
    store: Store

    @property
    def struck(self) -> Machine:
        return self.machines[-1]

    @property
    def container(self) -> str:
        return self.struck.container

    @property
    def record(self) -> Record:
        found = birth_record.read(self.container)
        assert isinstance(found, Record)
        return found

    def forget(self) -> None:
        """Nothing of the cluster is left, as if it had never been born."""
        wipe(self.machines)
        self.struck.places.intention.unlink(missing_ok=True)
        path = "/" + self.container.split("/", 3)[3]
        for name in [name for name in self.store.blobs if name.startswith(f"{path}/")]:
            del self.store.blobs[name]


def unborn(scene: Scene) -> None:
    scene.forget()


def restarted(scene: Scene) -> None:
    scene.struck.kill()


def reported_and_blank(scene: Scene) -> None:
    """It had reported that its data is lost, and then the others came back."""
    wipe([scene.struck])
    lost_reports.make(scene.container, scene.record.cluster_id, scene.struck.me.name)


def removed_while_away(scene: Scene) -> None:
    struck = scene.struck
    gone = member_id(struck)
    struck.kill()
    scene.machines[0].client.remove(scene.machines[0].me.address, gone)
    shutil.rmtree(struck.places.data.with_name("etcd.old"), ignore_errors=True)


def all_lost(scene: Scene) -> None:
    wipe(scene.machines)


def replaced(scene: Scene) -> None:
    """Another cluster took the place of its own, and nobody answers for that one."""
    scene.struck.kill()
    other = replace(scene.record, cluster_id=scene.record.cluster_id + 1)
    birth_record.write(scene.container, other, over=scene.record)


def heals(scene: Scene) -> None:
    boot([scene.struck])
    expect_whole(scene.machines)
    assert cluster_id(scene.struck) == scene.record.cluster_id
    assert not lost_reports.names(scene.container, scene.record.cluster_id)


def waits(scene: Scene) -> None:
    scene.struck.expect_waiting("operator has to restore a snapshot")


def born_again(scene: Scene) -> None:
    waits(scene)
    scene.forget()
    boot(scene.machines)


@dataclass(frozen=True)
class Case:
    """`steps`: that the program takes if nothing kills it. `size`: of the cluster."""

    size: int
    strike: Callable[[Scene], None]
    steps: tuple[str, ...]
    end: Callable[[Scene], None] = heals
    all_lost: str = "wait"


CASES = {
    "unborn": Case(1, unborn, ("Found", "StartNew")),
    "restarted": Case(3, restarted, ("Restart",)),
    "reported and blank of three": Case(
        3, reported_and_blank, ("TakeBack", "Remove", "Join"), all_lost="reinitialise"
    ),
    "reported and blank of five": Case(
        5, reported_and_blank, ("TakeBack", "Remove", "Join"), all_lost="reinitialise"
    ),
    "removed while away": Case(3, removed_while_away, ("SetAside", "Join")),
    "all lost": Case(1, all_lost, ("Wait", "Wait"), born_again),
    "all events lost": Case(1, all_lost, ("Report", "Found", "StartNew"), all_lost="reinitialise"),
    "replaced": Case(1, replaced, ("SetAside", "Wait", "Wait"), born_again),
}


def test_the_program_is_killed_at_every_kind_of_step() -> None:
    covered = {step for case in CASES.values() for step in case.steps}
    assert covered == {kind.__name__ for kind in get_args(Step)}


@pytest.fixture(scope="module")
def scenes(
    azure: tuple[Store, str], programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[int], Scene]]:
    """A healthy cluster of so many: that of the test before, which has to have healed."""
    worlds: dict[int, tuple[World, Scene]] = {}

    def give(size: int) -> Scene:
        if size not in worlds:
            folder = tmp_path_factory.mktemp(f"killed-{size}-")
            world = World(folder, programs, f"{azure[1]}/{folder.name}")
            letters = "abcdefghi"[:size]
            world.declare(letters)
            scene = Scene([world.machine(letter) for letter in letters], azure[0])
            boot(scene.machines)
            worlds[size] = (world, scene)
        expect_whole(worlds[size][1].machines)
        return worlds[size][1]

    yield give
    for world, _ in worlds.values():
        world.end()


# Kills of a case that takes long are shared out: its first, fourth, seventh …
SHARES = 3


def shared_out() -> Iterator[ParameterSet]:
    """By name: the case, its first kill here, and every which one follows."""
    for name, case in CASES.items():
        # What a cluster of five adds is time.
        marks = [pytest.mark.soak] if case.size == 5 else []
        shares = SHARES if case.size > 1 else 1
        for first in range(1, shares + 1):
            share = f", {first} of {shares}" if shares > 1 else ""
            yield pytest.param(case, first, shares, id=f"{name}{share}", marks=marks)


@pytest.mark.parametrize(("case", "first", "every"), list(shared_out()))
def test_a_program_killed_anywhere_goes_on_at_the_next_boot(
    case: Case,
    first: int,
    every: int,
    scenes: Callable[[int], Scene],
    store: Store,
    tmp_path: Path,
    tell: Tell,
) -> None:
    scene = scenes(case.size)
    for machine in scene.machines:
        machine.parameters["ETCD_ALL_LOST"] = case.all_lost
    for kill_at in itertools.count(first, every):
        case.strike(scene)
        killed, steps = run(scene.struck, tmp_path, kill_at)
        assert steps == list(case.steps[: len(steps)])
        case.end(scene)
        if not killed:
            break
    assert steps == list(case.steps)
    # At each step, and at what it changes.
    assert kill_at > len(set(case.steps))
    tell(f"{(kill_at - first) // every} kills")
    for machine in scene.machines:
        machine.parameters["ETCD_ALL_LOST"] = "wait"


def run(machine: Machine, folder: Path, kill_at: int) -> tuple[bool, list[str]]:
    """Whether the program was killed, and the steps that it took."""
    log, plan = folder / "steps", folder / "plan.json"
    plan.write_text(
        Plan(
            me=asdict(machine.me),
            parameters=machine.parameters,
            places={key: str(path) for key, path in asdict(machine.places).items()},
            token_url=metadata._TOKEN,
            log=str(log),
            kill_at=kill_at,
        ).to_json()
    )
    ended = subprocess.run(
        [sys.executable, "-m", "tests.etcd.membership.killable", str(plan)],
        cwd=TOP,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0, log.read_text().split()
