"""The project's own program under the real engine, over the local Azure in plan mode."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from config.user_data import decode
from tests.engine.conftest import QUIET, Stack, project

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
    assert packages.total() <= 280


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


def test_a_stack_that_is_not_up_may_be_unprotected(tmp_path: Path) -> None:
    """As `make down` does, at any time."""
    project("local", tmp_path).succeeds("state", "unprotect", "--all", "--yes")


def test_the_local_stack_stays_and_goes(local: Stack) -> None:
    created = local.writes()
    assert created
    assert "PRIVATE KEY" not in local.succeeds("stack", "export"), "keys are secrets of the state"
    second = local.succeeds("up", *QUIET)
    assert " replaced" not in second
    assert " updated" not in second
    assert local.writes() == created
    assert "protect" in local.fails("destroy", *QUIET), "nodes go only when they are meant to"
    assert local.writes() == created
    local.succeeds("state", "unprotect", "--all", "--yes")
    local.succeeds("destroy", *QUIET)
    assert {each.type for each in local.store.list()} == {"keyvault:DeletedVault"}
