"""No acknowledged write is lost, whatever happens to the machines of a cluster.

Every machine's disk loses in a power cut what was not synced. Requests go on through each loss, and
are judged afterwards: every acknowledged key is read back, and porcupine looks for an order of all
requests that explains every answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from tests.conftest import Tell
from tests.etcd.losses.conftest import Healthy
from tests.etcd.losses.load import Load
from tests.etcd.losses.machines import Cluster, Powered, each_at_once, restore_on, take_snapshot

# Strikes, has whoever is struck come back, and gives those that lost their disk.
Loss = Callable[[Cluster, Load], list[Powered]]
REPEATS = 5


def kill_leader(cluster: Cluster, load: Load) -> list[Powered]:
    _while_others_serve(Powered.cut, cluster.leader(), load)
    return []


def kill_follower(cluster: Cluster, load: Load) -> list[Powered]:
    _while_others_serve(Powered.cut, cluster.followers()[0], load)
    return []


def kill_majority(cluster: Cluster, load: Load) -> list[Powered]:
    _all_at_once(Powered.cut, [cluster.leader(), *cluster.followers()][: cluster.majority])
    return []


def kill_all(cluster: Cluster, load: Load) -> list[Powered]:
    _all_at_once(Powered.cut, cluster.machines)
    return []


def wipe_one(cluster: Cluster, load: Load) -> list[Powered]:
    leader = cluster.leader()
    _while_others_serve(Powered.lose_local_disk, leader, load)
    return [leader]


def wipe_majority(cluster: Cluster, load: Load) -> list[Powered]:
    struck = [cluster.leader(), *cluster.followers()][: cluster.majority]
    _all_at_once(Powered.lose_local_disk, struck)
    return struck


def wipe_all(cluster: Cluster, load: Load) -> list[Powered]:
    _all_at_once(Powered.lose_local_disk, cluster.machines)
    return cluster.machines


def stop_and_wipe_all(cluster: Cluster, load: Load) -> list[Powered]:
    each_at_once(Powered.shut_down, cluster.machines)
    _all_at_once(Powered.lose_local_disk, cluster.machines)
    return cluster.machines


def stop_in_turn_and_wipe_all(cluster: Cluster, load: Load) -> list[Powered]:
    """The first ones leave a quorum that goes on with what they know."""
    for each in [cluster.leader(), *cluster.followers()]:
        each.shut_down()
    _all_at_once(Powered.lose_local_disk, cluster.machines)
    return cluster.machines


LOSSES = (kill_leader, kill_follower, kill_majority, kill_all, wipe_one)


CLEAN_STOPS = (stop_and_wipe_all, stop_in_turn_and_wipe_all)
# Nobody but an operator brings these back.
GREAT_LOSSES = (wipe_majority, wipe_all, *CLEAN_STOPS)


def cases(losses: Sequence[Loss]) -> Iterator[ParameterSet]:
    """By name: what happens, the number of members, and which of all repeats."""
    for loss in losses:
        yield pytest.param(loss, 3, id=f"{loss.__name__}-3")
    for size in (3, 5):
        for repeat in range(1, REPEATS + 1):
            for loss in losses:
                name = f"{loss.__name__}-{size}-{repeat}"
                yield pytest.param(loss, size, id=name, marks=pytest.mark.soak)


@pytest.mark.parametrize(("loss", "size"), list(cases(LOSSES)))
def test_a_cluster_keeps_every_write_it_acknowledged(
    loss: Loss, size: int, healthy: Healthy, tmp_path: Path, tell: Tell
) -> None:
    cluster = healthy(size)
    before = cluster.ids()
    load = Load(cluster.target, tmp_path / "history", prefix=f"{tmp_path.name}/")
    with load.running():
        load.goes_on()
        wiped = loss(cluster, load)
        cluster.becomes_whole()
        seconds = time.monotonic() - max(each.on_since for each in cluster.machines)
        load.goes_on()
    verdict = load.judge()
    tell(f"whole {seconds:.1f} s after power came back; {verdict}")
    assert verdict.acknowledged > 0
    assert not verdict.lost
    assert not verdict.illegal
    after = cluster.ids()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {each.machine.me.name for each in wiped}, "only lost data makes a new member"


@pytest.mark.parametrize(("loss", "size"), list(cases(GREAT_LOSSES)))
def test_a_restored_cluster_holds_all_that_its_source_knew(
    loss: Loss, size: int, healthy: Healthy, tmp_path: Path, tell: Tell
) -> None:
    cluster = healthy(size)
    load = Load(cluster.target, tmp_path / "history", prefix=f"{tmp_path.name}/")
    with load.running():
        load.goes_on()
        take_snapshot(cluster.followers()[0])
        load.goes_on()
        wiped = loss(cluster, load)
        started = time.monotonic()
        source = restore_on(wiped[0]).source
        cluster.becomes_whole()
        seconds = time.monotonic() - started
        load.goes_on()
    verdict = load.judge()
    tell(
        f"restored from {type(source).__name__.lower()}, whole {seconds:.1f} s after the command; "
        f"{verdict}; what is lost was written within {verdict.lost_seconds:.1f} s"
    )
    assert verdict.acknowledged > len(verdict.lost)
    assert not [write for write in verdict.lost if write.revision <= source.revision]
    if loss in CLEAN_STOPS:
        assert not verdict.lost, "each kept what it knew before its machine went"
    if not verdict.lost:
        assert not verdict.illegal


def _while_others_serve(what: Callable[[Powered], None], whom: Powered, load: Load) -> None:
    what(whom)
    load.goes_on()
    whom.on()


def _all_at_once(what: Callable[[Powered], None], machines: list[Powered]) -> None:
    each_at_once(what, machines)
    each_at_once(Powered.on, machines)
