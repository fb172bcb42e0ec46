"""VM sizes."""

from __future__ import annotations

from config.checks import sizes
from tests.unit.refusals import Row

POOL = {"size": "Standard_D16ds_v5", "scaleSets": {"a": {"nodes": 0, "maxNodes": 1}}}

ROWS = {
    "an unknown etcd size, with the nearest known one": Row(
        sizes.etcd_size_is_usable,
        {"etcd.size": "Standard_L8_v4"},
        "etcd.size",
        ["= Standard_L8_v4", "did you mean Standard_L8s_v4?"],
    ),
    "an unknown size for masters": Row(
        sizes.masters_size_is_usable,
        {"masters.size": "m5.large"},
        "masters.size",
        ["use one of Standard_D15_v2, "],
    ),
    "an unknown size for a pool": Row(
        sizes.pool_sizes_are_usable,
        {"nodePools.cpu.size": "standard_d15_v3"},
        "nodePools.cpu.size",
        ["did you mean Standard_D15_v2?"],
    ),
    "an unknown size for a scale set": Row(
        sizes.pool_sizes_are_usable,
        {"nodePools.cpu.scaleSets.b.size": "Standard_E20ds_v7"},
        "nodePools.cpu.scaleSets.b.size",
        ["did you mean Standard_E20ds_v"],
    ),
    "an etcd size without a local disk": Row(
        sizes.etcd_size_is_usable,
        {"etcd.size": "Standard_D16s_v5"},
        "etcd.size",
        ["a size with a local disk", "use Standard_D16ds_v5"],
    ),
    "a node size without a local disk": Row(
        sizes.pool_sizes_are_usable,
        {"nodePools.cpu.size": "Standard_D16s_v5"},
        "nodePools.cpu.size",
        ["a size with a local disk"],
    ),
    "a retired size where nothing may stand in for it": Row(
        sizes.retired_sizes_are_allowed_for,
        {"nodePools.gpu": {**POOL, "size": "Standard_NC24"}},
        "nodePools.gpu.size",
        ["retired it on 2023-09-06", "use Standard_NC64as_T4_v3", "retiredSizes to substitute"],
    ),
    "an unknown size for a learner": Row(
        sizes.learner_sizes_are_known,
        {"etcd.events.learner": {"size": "Standard_D4ds_v4"}},
        "etcd.events.learner.size",
        ["did you mean Standard_D4ds_v5?"],
    ),
    "a retired size for a learner where nothing may stand in for it": Row(
        sizes.retired_sizes_are_allowed_for,
        {"etcd.main.learner": {"size": "Standard_NC24", "diskSku": "StandardSSD_LRS"}},
        "etcd.main.learner.size",
        ["retired it on 2023-09-06"],
    ),
}
