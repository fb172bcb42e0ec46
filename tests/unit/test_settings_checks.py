"""Rules that look at more than one value: each refuses what it is there for."""

from __future__ import annotations

from typing import Any

import pytest

from config.checks import CHECKS
from config.schema.stack import Settings
from config.settings import SettingsError, load
from tests.unit.refusals import (
    Row,
    addons,
    artifacts,
    azure_addons,
    control_plane,
    learners,
    members,
    names,
    pools,
    ranges,
    sizes,
    watching,
    zones,
)
from tests.unit.settings_samples import raw, rsa_key

ROWS: dict[str, Row] = {
    **addons.ROWS,
    **artifacts.ROWS,
    **control_plane.ROWS,
    **azure_addons.ROWS,
    **learners.ROWS,
    **members.ROWS,
    **names.ROWS,
    **pools.ROWS,
    **ranges.ROWS,
    **sizes.ROWS,
    **watching.ROWS,
    **zones.ROWS,
}

# What a pool is before its key goes.
EMPTY_POOL = {"size": "Standard_D16ds_v5", "scaleSets": {"a": {"nodes": 0, "maxNodes": 0}}}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_refused(row: Row) -> None:
    with pytest.raises(SettingsError) as error:
        load(raw(row.changes))
    settings = Settings.model_validate(raw(row.changes))
    lines = [str(one) for one in row.check.run(settings) if ".".join(one.path) == row.key]
    assert lines, f"this rule does not refuse {row.key}"
    assert lines[0] in str(error.value), "the rule is not among CHECKS"
    assert f"kilonode:{row.key} = " in lines[0]
    for part in [*row.says, "; limit: ", "; remedy: "]:
        assert part in lines[0]


def test_every_rule_has_a_row() -> None:
    assert {row.check for row in ROWS.values()} == set(CHECKS)


@pytest.mark.parametrize(
    "changes",
    [
        {"etcd.main.members": list("abcde"), "etcd.events.members": ["i"]},
        {"etcd.main.members": ["i", "a", "e"], "masters.members": ["b", "i"]},
        {"network.subnets.etcd": "10.0.0.0/26", "network.subnets.masters": "10.0.1.0/27"},
        {
            "network.subnets.nodes": "10.0.2.0/24",
            "nodePools.cpu.scaleSets.b.maxNodes": 51,
        },
        {
            "network.podCidr": "10.64.0.0/16",
            "nodePools.cpu.scaleSets.b.maxNodes": 53,
        },
        {"network.podCidr": "10.64.0.0/12", "network.nodePodPrefix": 28},
        {"network.serviceCidr": "10.96.0.0/28"},
        {"network.natAddresses": 16},
        {
            "nodePools.cpu.scaleSets.a": {"nodes": 100, "maxNodes": 1000},
            "network.subnets.nodes": "10.0.8.0/21",
            "network.podCidr": "10.64.0.0/13",
        },
        {"nodePools.cpu.taints": ["CriticalAddonsOnly=true:NoSchedule", "a:PreferNoSchedule"]},
        {"nodePools.cpu.scaleSets.b.maxNodes": 0},
        {"nodePools.old": EMPTY_POOL},
        {"clusterName": "a" * 20},
        {"clusterName": "ab"},
        {"zones": []},
        {"etcd.main.learner": {}},
        {"etcd.main.learner": {"diskGib": 40, "diskSku": "PremiumV2_LRS"}},
        {"etcd.events.learner": {"size": "Standard_D16s_v5"}},
        {"etcd.events.learner": {"size": "Standard_D15_v2", "diskSku": "StandardSSD_LRS"}},
        {"zones": ["1", "2"], "etcd.main.members": ["a", "c", "e"]},
        {"zones": ["1"], "masters.members": ["a", "b"]},
        {"etcd.main.members": ["a", "b", "d", "e", "f"]},
        {"etcd.events.members": ["d"]},
        {"sshPublicKey": rsa_key(2048)},
        {"nodePools.cpu.labels": {"node.kubernetes.io/kind": "x", "example.com/a": "", "b": "c"}},
        {"nodePools.cpu.labels": {"kubernetes.azure.com/accelerator": "nvidia"}},
        {
            "nodePools.gpu": {
                **sizes.POOL,
                "taints": ["a:NoExecute", "a=b:NoSchedule", "example.com/c=:NoSchedule"],
            }
        },
        {"retiredSizes": "substitute", "nodePools.cpu.size": "Standard_NC24"},
        {"extraArgs": {"kubelet": ["--fail-cgroupv1=false", "--v=4"]}},
        {"api": {"public": {"allowedRanges": ["203.0.113.0/24", "198.51.100.7/32"]}}},
        {"artifacts": {"mirror": "https://mirror.example.com:8443/kilonode"}},
        {**watching.SMALL, "addons.prometheus": {"millicores": 3420, "memoryMib": 12996}},
        {
            **azure_addons.CLOUD,
            **watching.DEFAULTS,
            "nodePools.cpu.scaleSets.b.size": "Standard_E20ds_v5",
            "addons.clusterAutoscaler": {},
        },
    ],
    ids=str,
)
def test_what_is_just_allowed_is_accepted(changes: dict[str, Any]) -> None:
    load(raw(changes))
