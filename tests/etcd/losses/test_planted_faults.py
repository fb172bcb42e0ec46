"""The judges of the loss tests find faults that were put there for them to find."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.etcd.losses.conftest import Healthy
from tests.etcd.losses.load import Load, check
from tests.etcd.losses.machines import Powered, each_at_once

Line = dict[str, Any]


@pytest.fixture(scope="module")
def history(healthy: Healthy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Load, list[Line]]:
    """Of a load on a cluster that nothing happened to."""
    path = tmp_path_factory.mktemp("faults") / "history"
    load = Load(healthy(3).target, path, prefix="faults/")
    with load.running("--keys=2"):
        load.goes_on(500)
    verdict = load.judge()
    assert (verdict.lost, verdict.illegal) == ([], []), "a sound history is judged sound"
    return load, [json.loads(line) for line in path.read_text().splitlines()]


def stale_read(lines: list[Line]) -> Line:
    """A read gives what another write had replaced before the read began."""
    for old, new, read in _chains(lines, "get"):
        read["found"] = old["value"]
        return new
    raise AssertionError("the load was too short")


def lost_update(lines: list[Line]) -> Line:
    """A cas succeeds on what another write had replaced."""
    for old, new, swap in _chains(lines, "cas"):
        swap["expected"] = old["value"]
        return new
    raise AssertionError("the load was too short")


def phantom_read(lines: list[Line]) -> Line:
    """A read gives what nobody wrote."""
    read = next(line for line in lines if line["kind"] == "get")
    read["found"] = "nobody's"
    return read


@pytest.mark.parametrize("edit", [stale_read, lost_update, phantom_read])
def test_an_edited_history_is_illegal(
    edit: Callable[[list[Line]], Line],
    history: tuple[Load, list[Line]],
    programs: Path,
    tmp_path: Path,
) -> None:
    lines = [dict(line) for line in history[1]]
    key = edit(lines)["key"]
    edited = tmp_path / "edited"
    edited.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert check(programs / "etcd-load", edited)["illegal"] == [key]


def test_a_key_that_is_gone_is_found_missing(
    history: tuple[Load, list[Line]], healthy: Healthy
) -> None:
    load, lines = history
    gone = next(line["key"] for line in lines if line["kind"] == "add")
    healthy(3).machines[0].machine.etcdctl("del", gone)
    assert [each.key for each in load.judge().lost] == [gone]


def test_disks_that_lie_about_syncs_are_found_out(healthy: Healthy, tmp_path: Path) -> None:
    cluster = healthy(3)
    load = Load(cluster.target, tmp_path / "history", prefix="lies/")
    with load.running():
        load.goes_on()
        for each in cluster.machines:
            each.disk.lie()
        load.goes_on()
        each_at_once(Powered.cut, cluster.machines)
        each_at_once(Powered.on, cluster.machines)
        cluster.becomes_whole()
        load.goes_on()
    for each in cluster.machines:
        each.disk.behave()
    verdict = load.judge()
    assert verdict.lost
    assert verdict.illegal


def made_up(kind: str, call: int, end: int, **told: object) -> Line:
    """A request on one key, answered unless `told` says otherwise."""
    return {
        "client": 0,
        "kind": kind,
        "key": "k",
        "call": call,
        "return": end,
        "acknowledged": True,
        **told,
    }


# Nobody knows whether it was done, or when.
UNANSWERED = made_up("put", 10, 20, value="maybe", acknowledged=False)
BEFORE = made_up("put", 1, 2, value="before")


@pytest.mark.parametrize(
    ("others", "illegal"),
    [
        pytest.param([made_up("get", 90, 91, found="before")], [], id="never done"),
        pytest.param([made_up("get", 90, 91, found="maybe")], [], id="done late"),
        pytest.param(
            [made_up("get", 30, 31, found="before"), made_up("get", 40, 41, found="maybe")],
            [],
            id="done between two reads",
        ),
        pytest.param(
            [made_up("get", 30, 31, found="maybe"), made_up("get", 40, 41, found="before")],
            ["k"],
            id="done and undone",
        ),
        pytest.param([made_up("get", 5, 6, found="maybe")], ["k"], id="seen before it was sent"),
        pytest.param(
            [
                made_up("cas", 30, 31, expected="maybe", value="after", acknowledged=False),
                made_up("get", 40, 41, found="after"),
                made_up("get", 50, 51, found="maybe"),
            ],
            ["k"],
            id="seen by another without an answer, and back again",
        ),
    ],
)
def test_a_request_without_an_answer_was_done_once_or_never(
    others: list[Line], illegal: list[str], programs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in [BEFORE, UNANSWERED, *others]))
    assert check(programs / "etcd-load", path)["illegal"] == illegal


def _chains(lines: list[Line], kind: str) -> Iterator[tuple[Line, Line, Line]]:
    """Two acknowledged writes to one key and what saw the second, none before the other's end."""
    puts = [line for line in lines if line["kind"] == "put" and line["acknowledged"]]
    seers = [
        line for line in lines if line["kind"] == kind and (kind == "get" or "swapped" in line)
    ]
    saw = "found" if kind == "get" else "expected"
    for new in puts:
        olds = [old for old in puts if old["key"] == new["key"] and old["return"] < new["call"]]
        for after in seers if olds else ():
            if after.get(saw) == new["value"] and after["call"] > new["return"]:
                yield olds[-1], new, after
