"""The documents' scheduler policy (D9) as today's KubeSchedulerConfiguration.

Kubernetes dropped the Policy API in 1.23. config/scheduler-policy.json stays as it was published;
what the scheduler reads is derived from it, or from a policy of the settings' own in the same form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from config.problems import Problem, nearest, problem
from config.schema.stack import Settings

KEY = "controlPlane.schedulerPolicy"
KUBECONFIG = "/etc/kilonode/kubeconfigs/scheduler.kubeconfig"

_POLICY = Path(__file__).parent / "scheduler-policy.json"

# Each predicate and the filter plugins that do its work. All of them are on by default, and so are
# the others: without those, volume binding and explicit spread constraints would break.
_FILTERS: Mapping[str, tuple[str, ...]] = {
    "GeneralPredicates": ("NodeResourcesFit", "NodeName", "NodePorts", "NodeAffinity"),
    "MatchInterPodAffinity": ("InterPodAffinity",),
    "NoDiskConflict": ("VolumeRestrictions",),
    "NoVolumeZoneConflict": ("VolumeZone",),
    "PodToleratesNodeTaints": ("TaintToleration",),
}

# Each priority, the score plugin that does its work, and that plugin's arguments.
_SCORES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "MostRequestedPriority": (
        "NodeResourcesFit",
        {
            "scoringStrategy": {
                "type": "MostAllocated",
                "resources": [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}],
            }
        },
    ),
    "InterPodAffinityPriority": ("InterPodAffinity", {}),
}

_API = "kubescheduler.config.k8s.io/v1"
_HEADER = {"kind": "Policy", "apiVersion": "v1"}
_LISTS: Mapping[str, Mapping[str, Any]] = {"predicates": _FILTERS, "priorities": _SCORES}
_WEIGHT_MAX = 100


@cache
def published() -> Mapping[str, Any]:
    """The policy as the documents print it."""
    policy: Mapping[str, Any] = json.loads(_POLICY.read_text())
    return policy


def chosen(settings: Settings) -> Mapping[str, Any]:
    """The settings' own policy, or else the published one."""
    return settings.control_plane.scheduler_policy or published()


def problems(policy: Mapping[str, Any]) -> Iterator[Problem]:
    """All that a policy says and no configuration of today could."""
    for name in policy.keys() - _HEADER.keys() - _LISTS.keys():
        yield problem(
            KEY, name, f"a policy's keys are {', '.join((*_HEADER, *_LISTS))}", "remove it"
        )
    for name, value in _HEADER.items():
        if policy.get(name, value) != value:
            yield problem(KEY, {name: policy[name]}, f"{name} {value}", f"write {value}")
    for name, known in _LISTS.items():
        entries = policy.get(name)
        if not isinstance(entries, list) or not entries:
            yield problem(
                KEY, {name: entries}, f"{name}: a list of one or more", "name all that shall count"
            )
            continue
        seen: set[str] = set()
        for entry in entries:
            yield from _entry_problems(name, entry, known, seen)


def _entry_problems(
    kind: str, entry: Any, known: Mapping[str, Any], seen: set[str]
) -> Iterator[Problem]:
    keys = {"name"} if kind == "predicates" else {"name", "weight"}
    if not isinstance(entry, dict) or entry.keys() != keys:
        yield problem(
            KEY, entry, f"each of {kind} has {' and '.join(sorted(keys))}", "write just these"
        )
        return
    name = str(entry["name"])
    if name not in known:
        near = nearest(name, known)
        yield problem(
            KEY,
            name,
            f"{kind} with a counterpart in today's scheduler: {', '.join(known)}",
            f"did you mean {near}?" if near else "remove it",
        )
    if name in seen:
        yield problem(KEY, name, f"each of {kind} once", f"list {name} once")
    seen.add(name)
    weight = entry.get("weight", 1)
    if not isinstance(weight, int) or not 1 <= weight <= _WEIGHT_MAX:
        yield problem(
            KEY, {name: weight}, f"weight: 1 to {_WEIGHT_MAX}", "write 1, and 2 for twice as much"
        )


def scheduler_configuration(
    policy: Mapping[str, Any], connection: Mapping[str, int]
) -> dict[str, Any]:
    """A KubeSchedulerConfiguration of the same meaning as `policy`, which has no problems.

    connection: what the scheduler may ask of the API, `qps` and `burst`, or nothing.
    """
    scores: list[dict[str, Any]] = []
    arguments: list[dict[str, Any]] = []
    for priority in policy["priorities"]:
        plugin, args = _SCORES[priority["name"]]
        scores.append({"name": plugin, "weight": priority["weight"]})
        if args:
            kind = {"apiVersion": _API, "kind": f"{plugin}Args"}
            arguments.append({"name": plugin, "args": {**kind, **args}})
    return {
        "apiVersion": _API,
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": KUBECONFIG, **connection},
        "profiles": [
            {
                "schedulerName": "default-scheduler",
                # A policy's list of priorities was the whole list.
                "plugins": {"score": {"disabled": [{"name": "*"}], "enabled": scores}},
                "pluginConfig": arguments,
            }
        ],
    }
