"""What make review says of a change follows the local Azure's own table of what Azure refuses."""

from __future__ import annotations

import pytest

from commands.review.fates import (
    REFUSED,
    REPLACED,
    ROLLED,
    UPDATED,
    Fate,
    machine_fates,
    other_fates,
)
from commands.review.report import markdown
from commands.review.steps import Step
from local_azure.arm.kinds import KINDS
from local_azure.arm.shapes import marked

FIXED = [(type, path) for type, kind in KINDS.items() for path in marked(kind.shape, "=")]
DISK = "compute:Disk"
VM = "compute:VirtualMachine"


def fates(type: str, cause: str, operation: str = "update") -> list[Fate]:
    step = Step("urn", operation, f"azure-native:{type}", "it", "", frozenset(), (cause,))
    return [*machine_fates([step]), *other_fates([step])]


def verdict(type: str, cause: str, operation: str = "update") -> str:
    (fate,) = fates(type, cause, operation)
    return fate.verdict


@pytest.mark.parametrize(("type", "path"), FIXED, ids=lambda one: one)
def test_what_azure_refuses_to_change_is_said_of_every_type(type: str, path: str) -> None:
    assert verdict(type, path) == REFUSED
    assert verdict(type, f"{path}[0]") == REFUSED
    assert verdict(type, path, "replace") in (REPLACED, ROLLED), "a new one may have any value"


def test_every_type_that_has_such_fields_is_among_them() -> None:
    assert {DISK, VM, "authorization:RoleAssignment"} <= {type for type, _ in FIXED}


def test_an_object_that_comes_or_goes_takes_its_fixed_fields_along() -> None:
    assert verdict(VM, "securityProfile") == REFUSED
    assert verdict(VM, "storageProfile.dataDisks[0].managedDisk.id") == REFUSED


def test_what_azure_takes_is_an_update() -> None:
    assert verdict(DISK, "diskSizeGB") == UPDATED
    assert verdict("network:NetworkInterface", "ipConfigurations[0].name") == UPDATED
    assert verdict(VM, "networkProfile") == UPDATED


def test_the_report_says_what_is_refused_why_and_what_then() -> None:
    report = markdown("prod", "main", [], fates(DISK, "sku.name"), ({}, {}))
    assert "- **refused by Azure**: it (sku.name): **the update fails here" in report
    assert "scale set instead" not in report
