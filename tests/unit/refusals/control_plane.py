"""The control plane's programs."""

from __future__ import annotations

from typing import Any

from config.checks import control_plane
from config.scheduler_policy import published
from tests.unit.refusals import Row

POLICY = "controlPlane.schedulerPolicy"


def policy(says: list[str], **changes: Any) -> Row:
    return Row(
        control_plane.scheduler_policies_have_a_counterpart,
        {POLICY: {**published(), **changes}},
        POLICY,
        says,
    )


ROWS = {
    "a predicate that nobody knows": policy(
        ["GeneralPredicate;", "today's scheduler", "did you mean GeneralPredicates?"],
        predicates=[{"name": "GeneralPredicate"}],
    ),
    "a priority that nobody knows": policy(
        ["LeastTired;", "MostRequestedPriority, InterPodAffinityPriority", "remove it"],
        priorities=[{"name": "LeastTired", "weight": 1}],
    ),
    "a priority without a weight": policy(
        ["each of priorities has name and weight"],
        priorities=[{"name": "MostRequestedPriority"}],
    ),
    "a weight that would outweigh all": policy(
        ["weight: 1 to 100"], priorities=[{"name": "MostRequestedPriority", "weight": 0}]
    ),
    "a priority twice": policy(
        ["each of priorities once"],
        priorities=[{"name": "MostRequestedPriority", "weight": 1}] * 2,
    ),
    "no priorities": policy(["priorities: a list of one or more"], priorities=[]),
    "an extender": policy(["extenders;", "remove it"], extenders=[]),
    "another kind": policy(["kind Policy"], kind="KubeSchedulerConfiguration"),
    "a key of Secrets twice": Row(
        control_plane.encryption_keys_differ,
        {"controlPlane.encryptionKeys": ["a", "a"]},
        "controlPlane.encryptionKeys",
        ["list a once"],
    ),
}
