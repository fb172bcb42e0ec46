"""The documents' scheduler policy (D9) as today's KubeSchedulerConfiguration.

Kubernetes dropped the Policy API in 1.23. config/scheduler-policy.json stays as it was published;
what the scheduler reads is derived from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")

_POLICY = Path(__file__).parent / "scheduler-policy.json"

KUBECONFIG = "/etc/kilonode/kubeconfigs/scheduler.kubeconfig"

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


class PolicyError(ValueError):
    """The policy names what has no counterpart today."""


@cache
def published() -> Mapping[str, Any]:
    """The policy as the documents print it."""
    policy: Mapping[str, Any] = json.loads(_POLICY.read_text())
    return policy


def scheduler_configuration(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A KubeSchedulerConfiguration of the same meaning. Raises PolicyError."""
    for predicate in policy["predicates"]:
        _known(predicate["name"], _FILTERS)
    scores: list[dict[str, Any]] = []
    arguments: list[dict[str, Any]] = []
    for priority in policy["priorities"]:
        plugin, args = _known(priority["name"], _SCORES)
        scores.append({"name": plugin, "weight": priority["weight"]})
        if args:
            kind = {"apiVersion": _API, "kind": f"{plugin}Args"}
            arguments.append({"name": plugin, "args": {**kind, **args}})
    return {
        "apiVersion": _API,
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": KUBECONFIG},
        "profiles": [
            {
                "schedulerName": "default-scheduler",
                # A policy's list of priorities was the whole list.
                "plugins": {"score": {"disabled": [{"name": "*"}], "enabled": scores}},
                "pluginConfig": arguments,
            }
        ],
    }


def _known(name: str, table: Mapping[str, Value]) -> Value:
    if name not in table:
        raise PolicyError(
            f"config/scheduler-policy.json: {name} has no counterpart; known are {', '.join(table)}"
        )
    return table[name]
