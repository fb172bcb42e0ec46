"""An add-on's roles on Azure stay what they are when its other rights come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components.azure import ResourceGroup
from components.workload_identity import Scope, WorkloadIdentity, WorkloadIdentityArgs
from config.workload_identities import (
    AZURE_DISK,
    CLOUD_CONTROLLER_MANAGER,
    CLUSTER_AUTOSCALER,
    Workload,
)
from tests.pulumi_runtime import in_a_program

WORKLOADS = (CLOUD_CONTROLLER_MANAGER, CLUSTER_AUTOSCALER, AZURE_DISK)


class Azure(mocks.Mocks):
    """Keeps, by logical name, the inputs of all that is for authorization."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ.startswith("azure-native:authorization:"):
            self.made[args.name] = args.inputs
        return f"id-{args.name}", args.inputs

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError("nothing is looked up")


def made(workload: Workload) -> dict[str, dict[str, Any]]:
    azure = Azure()

    async def program() -> None:
        name = pulumi.Output.from_input("prod")
        group = ResourceGroup(name, "prod", "westeurope", "subscription", zonal=False)
        places = {right.place: Scope(f"/{right.place}", name) for right in workload.rights}
        WorkloadIdentity(
            "azure",
            WorkloadIdentityArgs((group, group), "prod", "unique", "https://x", workload, places),
        )

    in_a_program(azure, program)
    return azure.made


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one.name)
def test_a_right_that_goes_changes_nothing_about_the_others(workload: Workload) -> None:
    """A role that took its neighbour's name while that one still has it would be refused."""
    before = made(workload)
    after = made(replace(workload, rights=workload.rights[1:]))
    assert len(before) == 2 * len(workload.rights)
    assert after == {name: before[name] for name in after}
    assert len(after) == len(before) - 2


def test_a_right_that_moves_is_another_role_of_another_name() -> None:
    """The new one is made while the old one is still there."""
    (first, *others) = CLUSTER_AUTOSCALER.rights
    moved = replace(CLUSTER_AUTOSCALER, rights=(replace(first, place="network"), *others))
    before, after = made(CLUSTER_AUTOSCALER), made(moved)
    for name in after.keys() - before.keys():
        for key in {"roleDefinitionId", "roleName"} & after[name].keys():
            assert all(after[name][key] != one.get(key) for one in before.values())
    assert len(after.keys() - before.keys()) == 2
