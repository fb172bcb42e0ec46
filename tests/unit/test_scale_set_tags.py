"""What the autoscaler reads of a scale set: what its nodes will be like, and which are alike."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from config.azure_limits import TAGS_MAX
from config.environment import machine_user_data
from config.scale_set_tags import OWN_TAGS, scale_set_tags
from config.settings import of_stack
from config.topology import topology
from tests.unit.settings_samples import settings

TEMPLATE = "k8s.io_cluster-autoscaler_node-template"


def test_an_empty_scale_set_says_what_its_nodes_will_be_like() -> None:
    """Keys as the autoscaler's azure_template.go reads them: _ is a slash, ~2 an underscore."""
    changes = {
        "nodePools.cpu.labels": {"example.com/my_team": "x"},
        "nodePools.cpu.taints": ["example.com/only=us:NoSchedule", "bare:NoExecute"],
        "nodePools.cpu.size": "Standard_NC64as_T4_v3",
        "nodePools.other": {
            "size": "Standard_D16ds_v5",
            "scaleSets": {"a": {"nodes": 1, "maxNodes": 1}},
        },
    }
    node_set = topology(settings(changes)).node_sets[0]
    tags = scale_set_tags("test", node_set)
    assert {key.removeprefix(TEMPLATE): tags[key] for key in tags if key.startswith(TEMPLATE)} == {
        "_label_example.com_my~2team": "x",
        "_label_kilonode.io_pool": "cpu",
        "_label_kubernetes.azure.com_agentpool": "cpu-Standard_NC64as_T4_v3",
        "_taint_example.com_only": "us:NoSchedule",
        "_taint_bare": ":NoExecute",
        "_resources_nvidia.com_gpu": "4",
        # Of 2,816 GiB.
        "_resources_ephemeral-storage": "2393Gi",
    }
    assert len(tags) == OWN_TAGS + 3 <= TAGS_MAX
    assert all(not re.search(r"[<>%&\\?/]", key) for key in tags), "Azure refuses these in names"


def alike(chosen: Any) -> dict[str, str]:
    """By scale set, what it shares with those that are alike. An empty one says what nodes say."""
    plan = topology(chosen)
    found = {}
    for one in plan.node_sets:
        label = scale_set_tags("test", one)[f"{TEMPLATE}_label_kubernetes.azure.com_agentpool"]
        labels = machine_user_data(chosen, plan, one).environment["NODE_LABELS"].split(",")
        assert f"kubernetes.azure.com/agentpool={label}" in labels
        found[one.name] = label
    return found


def test_new_nodes_are_spread_over_a_pools_scale_sets_while_some_are_empty() -> None:
    """A node has labels and resources that no tag tells, so the two would not look alike."""
    sets = defaultdict(set)
    for name, label in alike(of_stack("prod")).items():
        sets[label].add(name)
    assert {"prod-cpu-a", "prod-cpu-b"} in sets.values()
    assert {"prod-gpu-a"} in sets.values()


def test_scale_sets_of_another_size_are_not_alike() -> None:
    """One would be counted as so many nodes of the other."""
    further = {"nodes": 0, "maxNodes": 50}
    changes = {
        "nodePools.cpu.scaleSets.c": further,
        "nodePools.cpu.scaleSets.d": {**further, "size": "Standard_D4ds_v5"},
    }
    found = alike(settings(changes))
    assert found["test-cpu-a"] == found["test-cpu-c"] != found["test-cpu-d"]
