"""The documents' scheduler policy (D9) and what is derived from it."""

from __future__ import annotations

from typing import Any

import pytest

from config.scheduler_policy import PolicyError, published, scheduler_configuration


def profile() -> dict[str, Any]:
    configuration = scheduler_configuration(published())
    (only,) = configuration["profiles"]
    assert isinstance(only, dict)
    return only


def test_the_policy_is_the_documents() -> None:
    policy = published()
    assert [one["name"] for one in policy["predicates"]] == [
        "GeneralPredicates",
        "MatchInterPodAffinity",
        "NoDiskConflict",
        "NoVolumeZoneConflict",
        "PodToleratesNodeTaints",
    ]
    assert {one["name"]: one["weight"] for one in policy["priorities"]} == {
        "MostRequestedPriority": 1,
        "InterPodAffinityPriority": 2,
    }


def test_nodes_are_packed_and_no_other_score_counts() -> None:
    score = profile()["plugins"]["score"]
    assert score["disabled"] == [{"name": "*"}]
    assert score["enabled"] == [
        {"name": "NodeResourcesFit", "weight": 1},
        {"name": "InterPodAffinity", "weight": 2},
    ]
    (fit,) = profile()["pluginConfig"]
    assert fit["name"] == "NodeResourcesFit"
    assert fit["args"]["kind"] == "NodeResourcesFitArgs"
    assert fit["args"]["scoringStrategy"]["type"] == "MostAllocated"


def test_the_default_filters_stay_on() -> None:
    assert set(profile()["plugins"]) == {"score"}


@pytest.mark.parametrize("kind", ["predicates", "priorities"])
def test_a_name_without_a_counterpart_is_refused(kind: str) -> None:
    policy = {**published(), kind: [{"name": "CheckNodeMood", "weight": 1}]}
    with pytest.raises(PolicyError, match="CheckNodeMood has no counterpart; known are "):
        scheduler_configuration(policy)
