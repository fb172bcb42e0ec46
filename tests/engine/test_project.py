"""The project's own program under the real engine, over the local Azure in plan mode."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from config.user_data import decode
from tests.engine.conftest import QUIET, project

# What a preview shows of a value that it does not know.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """New states of everything that a preview of prod creates."""
    stack = project("prod", tmp_path_factory.mktemp("prod"))
    # Both streams would not be JSON: warnings go to the other one.
    steps = json.loads(stack.engine.read("preview", "--json"))["steps"]
    assert not (stack.store.path).exists(), "a preview writes nothing"
    return [step["newState"] for step in steps]


def test_prod_is_within_its_budget_of_resources(planned: list[dict[str, Any]]) -> None:
    packages = Counter(state["type"].partition(":")[0] for state in planned)
    assert packages["azure-native"] <= 150
    assert packages.total() <= 200


def test_every_machines_user_data_is_known_in_a_preview(planned: list[dict[str, Any]]) -> None:
    profiles = [
        state["inputs"].get("virtualMachineProfile", state["inputs"])["osProfile"]
        for state in planned
        if state["type"].endswith((":VirtualMachine", ":VirtualMachineScaleSet"))
    ]
    assert len(profiles) >= 5 + 3 + 3 + 3
    for profile in profiles:
        assert "/etc/kilonode/machine.env" in decode(profile["customData"])


def test_what_is_attached_to_what_is_known_in_a_preview(planned: list[dict[str, Any]]) -> None:
    """All but the principals, which only Azure can say. (Secrets are masked either way.)"""
    unknown = {
        state["type"].partition(":")[2]
        for state in planned
        if state["type"].startswith("azure-native:") and UNKNOWN in json.dumps(state["inputs"])
    }
    assert unknown == {"authorization:RoleAssignment"}


def test_the_local_stack_comes_up_stays_and_goes(tmp_path: Path) -> None:
    stack = project("local", tmp_path)
    stack.succeeds("state", "unprotect", "--all", "--yes")  # As `make down` does, at any time.
    stack.succeeds("up", *QUIET)
    created = stack.writes()
    assert "PRIVATE KEY" not in stack.succeeds("stack", "export"), "keys are secrets of the state"
    second = stack.succeeds("up", *QUIET)
    assert " replaced" not in second
    assert " updated" not in second
    assert stack.writes() == created
    assert "protect" in stack.fails("destroy", *QUIET), "nodes go only when they are meant to"
    assert stack.writes() == created
    stack.succeeds("state", "unprotect", "--all", "--yes")
    stack.succeeds("destroy", *QUIET)
    assert {each.type for each in stack.store.list()} == {"keyvault:DeletedVault"}
