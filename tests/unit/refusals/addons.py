"""Add-ons that the pools do not fit."""

from __future__ import annotations

from config.checks import addons
from tests.unit.refusals import Row

GPU_POOL = {
    "size": "Standard_NC64as_T4_v3",
    "scaleSets": {"a": {"nodes": 0, "maxNodes": 1}},
}

ROWS = {
    "balloons of a pool that there is not": Row(
        addons.balloons_are_of_a_pool,
        {"addons.balloons": {"cpus": {"count": 1}}},
        "addons.balloons.cpus",
        ["a pool: cpu", "did you mean cpu?"],
    ),
    "balloons bigger than the pool": Row(
        addons.balloons_fit_into_their_pool,
        {"addons.balloons": {"cpu": {"count": 401}}},
        "addons.balloons.cpu.count",
        ["= 401", "the sum of the pool's scale sets' maxNodes, 400", "lower count"],
    ),
    "GPUs without a pool that has some": Row(
        addons.some_pool_has_gpus,
        {"addons.gpu": {}},
        "addons.gpu",
        ["a pool of a size with GPUs"],
    ),
    "a pool with GPUs that the device plugin does not find": Row(
        addons.gpu_pools_are_marked,
        {"addons.gpu": {}, "nodePools.gpu": {**GPU_POOL, "taints": ["nvidia.com/gpu:NoSchedule"]}},
        "nodePools.gpu.labels",
        ["kubernetes.azure.com/accelerator: nvidia", "add the label"],
    ),
    "a pool with GPUs that pods without need would fill": Row(
        addons.gpu_pools_are_marked,
        {
            "addons.gpu": {},
            "nodePools.gpu": {
                **GPU_POOL,
                "labels": {"kubernetes.azure.com/accelerator": "nvidia"},
            },
        },
        "nodePools.gpu.taints",
        ["add nvidia.com/gpu=present:NoSchedule"],
    ),
    "a system pool with a taint that no add-on tolerates": Row(
        addons.system_pool_takes_addons,
        {
            "nodePools.system": {
                "size": "Standard_D16ds_v5",
                "scaleSets": {"a": {"nodes": 1, "maxNodes": 1}},
                "labels": {"kubernetes.azure.com/mode": "system"},
                "taints": ["team=infra:NoSchedule"],
            }
        },
        "nodePools.system.taints",
        ["team=infra:NoSchedule", "CriticalAddonsOnly=true:NoSchedule"],
    ),
}
