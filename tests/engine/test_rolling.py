"""What an update of etcd deletes and in which order, and where it stops, under the real engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_azure.arm.backend import PlanBackend, RunResult
from local_azure.arm.store import Resource
from tests.engine.conftest import QUIET, Stack, buildable

VM = "compute:VirtualMachine"
# Another flag replaces every member of both clusters.
NEW_FLAG = {"kilonode:extraArgs": {"etcd": ["--log-level=debug"]}}


class Machines(PlanBackend):
    """Notes what becomes of VMs, and what is run on them; `sick` names the run commands that fail,
    as VM/COMMAND."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sick: set[str] = set()

    def create(self, resource: Resource) -> None:
        self._note("create", resource)

    def delete(self, resource: Resource) -> None:
        self._note("delete", resource)

    def run_command(self, resource: Resource) -> RunResult:
        name = f"{resource.id.split('/')[-3]}/{resource.name}"
        self.calls.append(f"run {name}")
        return RunResult(1, f"{name} says that it is sick") if name in self.sick else RunResult(0)

    def touched(self, verb: str) -> list[str]:
        return [call.split()[1] for call in self.calls if call.startswith(f"{verb} ")]

    def _note(self, verb: str, resource: Resource) -> None:
        if resource.type == VM:
            self.calls.append(f"{verb} {resource.name}")


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
def stack(local: Stack, machines: Machines) -> Stack:
    """A local stack that is up, and whose machines are `machines`."""
    return local.attached(machines)


def configure(stack: Stack, changes: dict[str, Any]) -> None:
    stack.engine.prepare({**buildable("local"), **changes})


def members(keys: str) -> dict[str, Any]:
    return {"kilonode:etcd": {"main": {"members": list(keys)}}}


def chain(role: str, keys: str = "abc") -> list[str]:
    return [f"local-{role}-{key}" for key in keys]


def preflight(name: str) -> str:
    return f"local-master-a/preflight-{name}"


def replaced(name: str) -> list[str]:
    return [f"run {preflight(name)}", f"delete {name}", f"create {name}", f"run {name}/gate"]


def test_members_are_replaced_one_after_the_other_each_between_two_questions(
    stack: Stack, machines: Machines
) -> None:
    configure(stack, NEW_FLAG)
    steps = json.loads(stack.engine.read("preview", "--json"))["steps"]
    planned = [
        step["urn"].rpartition("::")[2].removesuffix("-vm")
        for step in steps
        if step["op"] == "replace" and step["urn"].endswith("-vm")
    ]
    stack.succeeds("up", *QUIET)
    expected = []
    for role in ("events", "etcd"):
        expected += [call for name in chain(role) for call in replaced(name)]
        expected.append(f"run local-{role}-c/leave")
    assert machines.calls == expected
    assert planned == machines.touched("delete"), "the preview shows the order"


@pytest.mark.parametrize(
    ("sick", "gone"),
    [
        (preflight("local-events-a"), []),
        ("local-events-b/gate", chain("events", "ab")),
        (preflight("local-etcd-a"), chain("events")),
        (preflight("local-etcd-c"), [*chain("events"), *chain("etcd", "ab")]),
        ("local-etcd-a/gate", [*chain("events"), *chain("etcd", "a")]),
        ("local-etcd-b/gate", [*chain("events"), *chain("etcd", "ab")]),
    ],
)
def test_an_update_deletes_nothing_more_once_something_says_that_a_cluster_is_sick(
    stack: Stack, machines: Machines, sick: str, gone: list[str]
) -> None:
    configure(stack, NEW_FLAG)
    machines.sick = {sick}
    assert f"{sick} says that it is sick" in stack.fails("up", *QUIET)
    assert machines.touched("delete") == gone


@pytest.mark.parametrize(
    "sick",
    [preflight("local-etcd-a"), "local-events-b/gate", "local-etcd-c/leave"],
)
def test_what_failed_is_asked_again_and_until_it_passes_nothing_more_is_deleted(
    stack: Stack, machines: Machines, sick: str
) -> None:
    """Every update begins with a refresh, which makes the engine forget what failed: the next one
    would take it for passed."""
    configure(stack, NEW_FLAG)
    machines.sick = {sick}
    stack.fails("up", *QUIET)
    gone = machines.touched("delete")
    for _ in range(2):
        machines.calls.clear()
        assert f"{sick} says that it is sick" in stack.fails("up", *QUIET)
        assert machines.calls == [f"run {sick}"]
    machines.sick = set()
    stack.succeeds("up", *QUIET)
    assert machines.calls[:2] == [f"run {sick}", f"run {sick}"]
    later = machines.touched("delete")
    assert gone + later == [*chain("events"), *chain("etcd")]
    assert "unchanged" in stack.succeeds("up", *QUIET, "--expect-no-changes")


def test_an_update_that_ended_between_two_members_asks_before_it_goes_on(
    stack: Stack, machines: Machines
) -> None:
    """The gate that opened then says nothing of today."""
    configure(stack, NEW_FLAG)
    done = ("--target", "**::local-events-**", "--target", "**::local-etcd-a-**")
    stack.succeeds("up", *QUIET, *done)
    assert machines.touched("delete") == [*chain("events"), "local-etcd-a"]
    machines.calls.clear()
    machines.sick = {preflight("local-etcd-b")}
    stack.fails("up", *QUIET)
    assert machines.calls == [f"run {preflight('local-etcd-b')}"]


def test_an_update_that_ended_between_the_question_and_its_machine_asks_once_more(
    stack: Stack, machines: Machines
) -> None:
    """Who answered then may be sick today, and nothing about the question has changed."""
    configure(stack, NEW_FLAG)
    done = ("--target", "**::local-events-**", "--target", "**::local-etcd-a-**")
    stack.succeeds("up", *QUIET, *done, "--target", "**::local-etcd-b-preflight")
    assert machines.calls[-1] == f"run {preflight('local-etcd-b')}"
    machines.calls.clear()
    machines.sick = {preflight("local-etcd-b")}
    stack.fails("up", *QUIET)
    assert machines.calls == [f"run {preflight('local-etcd-b')}"]
    machines.sick = set()
    stack.succeeds("up", *QUIET)
    assert machines.touched("delete")[-2:] == chain("etcd", "bc")
    assert "unchanged" in stack.succeeds("up", *QUIET, "--expect-no-changes")


def test_a_member_that_an_update_broke_is_mended_alone_and_then_the_update_goes_on(
    stack: Stack, machines: Machines
) -> None:
    """The preflight would refuse to touch the others of a cluster with a sick member."""
    configure(stack, {"kilonode:extraArgs": {"etcd": ["--wrong"]}})
    machines.sick = {"local-etcd-b/gate"}
    stack.fails("up", *QUIET)
    configure(stack, NEW_FLAG)
    machines.calls.clear()
    machines.sick = {preflight("local-etcd-a")}
    stack.fails("up", *QUIET)
    machines.calls.clear()
    stack.succeeds("up", *QUIET, "--target", "**local-etcd-b-vm", "--target", "**local-etcd-b-gate")
    assert machines.touched("delete") == ["local-etcd-b"]
    machines.calls.clear()
    machines.sick = set()
    stack.succeeds("up", *QUIET)
    assert machines.touched("delete") == chain("etcd", "ac")


def test_a_cluster_grows_and_shrinks_again_and_no_other_machine_is_replaced(
    stack: Stack, machines: Machines
) -> None:
    configure(stack, members("abcde"))
    stack.succeeds("up", *QUIET)
    gates = [f"run {name}/gate" for name in chain("master", "ab")]
    assert machines.calls == [
        *(f"run {preflight('local-etcd-d')}", "create local-etcd-d", "run local-etcd-d/gate"),
        *(f"run {preflight('local-etcd-e')}", "create local-etcd-e", "run local-etcd-e/gate"),
        "run local-etcd-e/leave",
        # Their apiservers learn of the new members.
        *gates,
    ]
    machines.calls.clear()
    configure(stack, members("cde"))
    stack.succeeds("up", *QUIET)
    *before, first, second = machines.calls
    assert before == ["run local-etcd-e/leave", *gates]
    assert {first, second} == {"delete local-etcd-a", "delete local-etcd-b"}


def test_who_cannot_leave_keeps_its_machine(stack: Stack, machines: Machines) -> None:
    configure(stack, members("abcde"))
    stack.succeeds("up", *QUIET)
    configure(stack, members("abc"))
    machines.sick = {"local-etcd-c/leave"}
    assert "local-etcd-c/leave says that it is sick" in stack.fails("up", *QUIET)
    assert machines.touched("delete") == []


def test_a_durable_learner_comes_last_keeps_its_disk_and_stops_nobody(
    stack: Stack, machines: Machines
) -> None:
    wanted = {"size": "Standard_D4ds_v5", "diskGib": 40}
    learner = {"main": {"members": list("abc"), "learner": wanted}}
    configure(stack, {"kilonode:etcd": learner})
    stack.succeeds("up", *QUIET)
    # The voters' machines are as they were; who leaves is looked at again.
    assert machines.calls == [
        "run local-etcd-c/leave",
        *("create local-etcd-learner", "run local-etcd-learner/gate"),
    ]
    machines.calls.clear()
    before = len(stack.writes())
    configure(stack, {"kilonode:etcd": learner, **NEW_FLAG})
    machines.sick = {"local-etcd-learner/gate"}
    assert "local-etcd-learner/gate says" in stack.fails("up", *QUIET)
    assert machines.touched("delete") == [
        *chain("events"),
        *chain("etcd"),
        "local-etcd-learner",
    ]
    assert not [name for _, name in stack.writes()[before:] if name.endswith("-data")]


def test_another_master_replaces_nobody(stack: Stack, machines: Machines) -> None:
    configure(stack, {"kilonode:masters": {"members": ["a", "b", "c"]}})
    stack.succeeds("up", *QUIET)
    assert machines.calls == ["create local-master-c", "run local-master-c/gate"]
