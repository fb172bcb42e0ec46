"""Every refusal of the local Azure: its code, and that the same request without the fault passes.

arm_faults.py has a row for each. A rule without one fails a test, so no refusal is without its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_azure.arm.rules import RULES, AzureError, refusals
from tests.unit.arm_case import Case, security_rule
from tests.unit.arm_faults import CASES, GROUP, GROUPS, ROLES, SUBNETS
from tests.unit.azure_world import BODIES, OWN_ROLE, ROLE_PATH, SUBSCRIPTION, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.arm.put(GROUP, {"resourceGroupName": "other", "location": "westeurope"})
    return world


def body_of(world: World, case: Case) -> dict[str, Any]:
    changes = dict(case.changes)
    if case.new:
        own = world.arm.request(case.type, BODIES[case.type]).kind.parameters[-1]
        changes = {own: f"{BODIES[case.type][own]}2", **changes}
    return world.body(case.type, changes)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.code}")
def test_a_fault_is_refused_with_azures_code_and_nothing_is_written(
    world: World, case: Case
) -> None:
    log = world.store.path / "writes.log"
    if case.deleted:
        world.arm.delete(case.deleted)
    before = log.read_text()
    body = body_of(world, case)
    codes = {
        (each.check.__name__, error.code)
        for each in RULES
        for error in refusals(world.arm.request(case.type, body), live=True, rules=[each])
    }
    assert (case.rule, case.code) in codes
    with pytest.raises(AzureError):
        world.arm.put(case.type, body)
    assert log.read_text() == before


def test_every_rule_has_a_fault_that_only_it_is_for() -> None:
    assert {each.check.__name__ for each in RULES} == {case.rule for case in CASES}


def test_a_role_of_ones_own_is_given_within_its_scopes_alone(world: World) -> None:
    """Azure takes it in the groups that the role names, and in no other."""
    changes = {
        "roleDefinitionId": f"{ROLE_PATH}/{OWN_ROLE}",
        "roleAssignmentName": "6f1b6a2c-3b52-4d0e-9a51-0c6f3a2b1d08",
    }
    world.arm.put(ROLES, world.body(ROLES, changes))
    other = {**changes, "scope": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other"}
    with pytest.raises(AzureError, match="RoleDefinitionDoesNotExist"):
        world.arm.put(ROLES, world.body(ROLES, other))


def test_one_priority_serves_both_directions(world: World) -> None:
    rules = [security_rule("in", 100), security_rule("out", 100, "Outbound")]
    world.arm.put(GROUPS, world.body(GROUPS, {"securityRules": rules}))


def test_a_range_that_nobody_uses_may_move(world: World) -> None:
    free = {"subnetName": "free", "addressPrefix": "10.0.2.0/24"}
    world.arm.put(SUBNETS, world.body(SUBNETS, free))
    world.arm.put(SUBNETS, world.body(SUBNETS, {**free, "addressPrefix": "10.0.3.0/24"}))
