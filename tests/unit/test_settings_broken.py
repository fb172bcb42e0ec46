"""A key without a value, and any other that cannot be read: one problem, and no invented ones."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from config.problems import Problem
from config.reference import Entry, entries
from config.settings import Settings, SettingsError, load
from tests.unit.settings_samples import raw

# Every section is there, so that each can be broken.
EVERYTHING: Mapping[str, Any] = {
    "nodePools.system": {
        "size": "Standard_D16ds_v5",
        "scaleSets": {"a": {"nodes": 1, "maxNodes": 1}},
        "labels": {"kubernetes.azure.com/mode": "system"},
        "taints": ["CriticalAddonsOnly=true:NoSchedule"],
    },
    "nodePools.gpu": {
        "size": "Standard_NC64as_T4_v3",
        "scaleSets": {"a": {"nodes": 1, "maxNodes": 1}},
        "labels": {"kubernetes.azure.com/accelerator": "nvidia"},
        "taints": ["nvidia.com/gpu=present:NoSchedule"],
    },
    "nodePools.cpu.preload": [f"quay.io/a/b:1@sha256:{'0' * 64}"],
    "artifacts.mirror": "https://m.example.com",
    "api.public": {"allowedRanges": ["203.0.113.0/24"]},
    "etcd.main.learner": {},
    "etcd.events.learner": {},
    "extraArgs": {},
    "datadogApiKey": "key",
    **{
        f"addons.{key}": {}
        for key in (
            *("nodeLocalDns", "metricsServer", "gpu", "prometheus", "datadog", "azureDisk"),
            *("cloudControllerManager", "clusterAutoscaler"),
        )
    },
    "addons.balloons": {"cpu": {"count": 1}, "gpu": {"count": 1}},
    "addons.fluentd": {"forwardTo": "logs.example.com:24224"},
}
SECRET = "datadogApiKey"
BY_KEY: Mapping[str, Entry] = {
    ".".join(one.path).replace("scaleSets.*", "scaleSets.a").replace("*", "cpu"): one
    for one in entries()
}


def everything(changes: Mapping[str, Any]) -> dict[str, Any]:
    return raw(copy.deepcopy({**EVERYTHING, **changes}))


def refused(changes: Mapping[str, Any]) -> Problem:
    """The only problem of EVERYTHING with these changes."""
    with pytest.raises(SettingsError) as error:
        load(everything(changes))
    (problem,) = error.value.problems
    return problem


def named_by_the_user(tree: Any = None, key: str = "") -> Iterator[str]:
    """Keys of pools, scale sets, balloons: what is in mappings whose keys the user names."""
    tree = everything({}) if tree is None else tree
    for name, value in tree.items() if isinstance(tree, dict) else ():
        if key.endswith(("nodePools", "scaleSets", "balloons")):
            yield f"{key}.{name}"
        yield from named_by_the_user(value, f"{key}.{name}" if key else name)


def test_nothing_is_wrong_with_everything() -> None:
    load(everything({}))


@pytest.mark.parametrize("key", BY_KEY)
def test_a_key_without_a_value_is_refused_since_it_would_switch_off_what_it_names(key: str) -> None:
    problem, known = refused({key: None}), BY_KEY[key]
    assert ".".join(problem.path) == key
    if key != SECRET:
        assert problem.value == "(nothing)"
        assert ("{} for its defaults" in problem.remedy) == known.takes_defaults
        assert ("remove the key" in problem.remedy) != known.required


@pytest.mark.parametrize("key", [key for key, one in BY_KEY.items() if one.takes_defaults])
def test_a_section_whose_remedy_is_its_defaults_may_have_them(key: str) -> None:
    Settings.model_validate(everything({key: {}}))


@pytest.mark.parametrize("value", [None, "2000", ["?"]], ids=str)
@pytest.mark.parametrize("key", [*BY_KEY, *named_by_the_user()])
def test_what_cannot_be_read_invents_no_second_problem(key: str, value: Any) -> None:
    try:
        load(everything({key: value}))
    except SettingsError as error:
        first, *others = error.problems
        below = ".".join(first.path) + "."
        assert below.startswith(f"{key}.")
        assert not others


def test_a_section_with_required_keys_is_not_to_be_left_empty() -> None:
    remedy = 'write a value such as {"forwardTo": "logs.example.com:24224"}, or remove the key'
    assert refused({"addons.fluentd": None}).remedy == remedy


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("nodePools.cpu.scaleSets.a.maxNodes", "200"),
        ("nodePools.cpu.scaleSets.a.nodes", "-1"),
        ("network.nodePodPrefix", "24"),
        ("addons.fluentd.tls", "false"),
    ],
)
def test_of_a_number_in_quotes_the_quotes_are_told(key: str, text: str) -> None:
    problem = refused({key: text})
    assert (problem.value, problem.remedy) == (f'"{text}"', "write it without quotes")


def test_quotes_are_not_blamed_for_a_word_where_a_number_belongs() -> None:
    problem = refused({"network.nodePodPrefix": "small"})
    assert (problem.value, problem.remedy) == ("small", "write a value such as 24")


def test_a_list_is_not_called_too_short_for_what_in_it_cannot_be_read() -> None:
    assert refused({"masters.members": ["z"]}).path == ("masters", "members", "0")
