"""The documents' scheduler policy (D9) and what is derived from it."""

from __future__ import annotations

from typing import Any

from config.scheduler_policy import problems, published, scheduler_configuration


def profile() -> dict[str, Any]:
    configuration = scheduler_configuration(published(), {})
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


def test_the_documents_policy_has_a_counterpart_in_all_it_says() -> None:
    assert not list(problems(published()))


def test_the_presets_requests_are_the_schedulers() -> None:
    """With a configuration file, flags for them count for nothing."""
    connection = scheduler_configuration(published(), {"qps": 500, "burst": 500})
    assert connection["clientConnection"]["qps"] == 500
