"""What becomes of machines and of everything else, told from the engine's steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from commands.review.steps import Step
from local_azure.arm.kinds import KINDS
from local_azure.arm.shapes import marked

_VM = "azure-native:compute:VirtualMachine"
_SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"
# Questions to machines, on whose answers an update waits.
_RUN_COMMAND = "azure-native:compute:VirtualMachineRunCommandByVirtualMachine"
# Of scale sets: what only instances that are made later have.
_OF_INSTANCES = ("virtualMachineProfile.", "sku.name")
# What the autoscaler reads of the set. No node has any of it.
_TAGS = "tags"

ROLLED = "rolled one at a time"
NEW_INSTANCES = "new instances only"
REPLACED = "replaced"
CREATED = "created"
DELETED = "deleted"
UPDATED = "updated in place"
REFUSED = "refused by Azure"
ASKED = "asked again"

_BY_OPERATION = {
    "create": CREATED,
    "delete": DELETED,
    "update": UPDATED,
    "replace": REPLACED,
    "create-replacement": REPLACED,
    "delete-replaced": REPLACED,
}


@dataclass(frozen=True)
class Fate:
    """`who`: a role's or pool's component. `names`: its machines or resources, in order."""

    who: str
    verdict: str
    names: tuple[str, ...]
    causes: tuple[str, ...]


def machine_fates(steps: Sequence[Step]) -> list[Fate]:
    """Of every role and pool whose machines a change touches."""
    by_urn = {step.urn: step for step in steps}
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in _changed(steps, (_VM, _SCALE_SET)):
        groups.setdefault((_owner(step, by_urn), _verdict(step)), []).append(step)
    return [
        _fate(who, ROLLED if verdict == REPLACED and _one_by_one(group, by_urn) else verdict, group)
        for (who, verdict), group in groups.items()
    ]


def other_fates(steps: Sequence[Step]) -> list[Fate]:
    """Of all that is no machine, by verdict."""
    verdicts: dict[str, list[Step]] = {}
    for step in steps:
        if step.type.startswith(("kilonode:", "pulumi:")):
            continue
        if step.operation not in _BY_OPERATION or step.type in (_VM, _SCALE_SET):
            continue
        verdict = _verdict(step)
        # Else it goes and comes with its machine.
        if step.type == _RUN_COMMAND and verdict != ASKED:
            continue
        verdicts.setdefault(verdict, []).append(step)
    return [_fate("", verdict, group) for verdict, group in sorted(verdicts.items())]


def _changed(steps: Iterable[Step], types: Sequence[str]) -> list[Step]:
    return [step for step in steps if step.type in types and step.operation in _BY_OPERATION]


def _owner(step: Step, by_urn: Mapping[str, Step]) -> str:
    """The component of its role or pool; between it and a VM stands the machine's own."""
    while step.parent in by_urn and by_urn[step.parent].type != "kilonode:cluster:Cluster":
        step = by_urn[step.parent]
    return step.name


def _verdict(step: Step) -> str:
    verdict = _BY_OPERATION[step.operation]
    if verdict != UPDATED:
        return verdict
    if _refused(step):
        return REFUSED
    if step.type == _RUN_COMMAND:
        return ASKED
    # Scale sets upgrade by hand: nodes that run keep what they were born with.
    of_nodes = [cause for cause in step.causes if not cause.startswith(_TAGS)]
    later = bool(of_nodes) and all(cause.startswith(_OF_INSTANCES) for cause in of_nodes)
    return NEW_INSTANCES if step.type == _SCALE_SET and later else verdict


def _refused(step: Step) -> bool:
    """Whether it is to change in place what Azure never changes, be it by a whole object."""
    kind = KINDS.get(step.type.removeprefix("azure-native:"))
    changed = [re.sub(r"\[\d+\]", "", cause) + "." for cause in step.causes]
    return kind is not None and any(
        cause.startswith(f"{fixed}.") or f"{fixed}.".startswith(cause)
        for fixed in marked(kind.shape, "=")
        for cause in changed
    )


def _one_by_one(group: Sequence[Step], by_urn: Mapping[str, Step]) -> bool:
    """Whether each waits, through others, for the one before it."""
    return all(earlier.urn in _needs(later, by_urn) for earlier, later in pairwise(group))


def _needs(step: Step, by_urn: Mapping[str, Step]) -> set[str]:
    found: set[str] = set()
    ahead = list(step.needs)
    while ahead:
        urn = ahead.pop()
        if urn not in found and urn in by_urn:
            found.add(urn)
            ahead += by_urn[urn].needs
    return found


def _fate(who: str, verdict: str, group: Sequence[Step]) -> Fate:
    causes = dict.fromkeys(cause for step in group for cause in step.causes)
    return Fate(who, verdict, tuple(step.name for step in group), tuple(causes))
