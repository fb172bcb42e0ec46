"""Add-ons: what they need of the pools."""

from __future__ import annotations

from collections.abc import Iterator

from config.addon_nodes import (
    ACCELERATOR,
    ACCELERATOR_LABEL,
    GPU_TAINT,
    SYSTEM,
    SYSTEM_LABEL,
    SYSTEM_TAINT,
    run_addons,
)
from config.azure_limits import SIZES
from config.checks.check import reads
from config.problems import Problem, nearest, problem
from config.schema.pools import NodePool
from config.schema.stack import Settings
from config.taints import parsed
from config.topology import effective_size


@reads("addons.balloons", "nodePools", whole=True)
def balloons_are_of_a_pool(settings: Settings) -> Iterator[Problem]:
    for key in settings.addons.balloons:
        if key not in settings.node_pools:
            near = nearest(key, settings.node_pools)
            yield problem(
                f"addons.balloons.{key}",
                key,
                f"a pool: {', '.join(settings.node_pools)}",
                f"did you mean {near}?" if near else "remove it, or add the pool to nodePools",
            )


@reads("addons.balloons", "nodePools")
def balloons_fit_into_their_pool(settings: Settings) -> Iterator[Problem]:
    """The surplus would wait for ever, and the autoscaler with it."""
    for key, balloons in settings.addons.balloons.items():
        pool = settings.node_pools.get(key)
        if pool and balloons.count > pool.max_nodes:
            yield problem(
                f"addons.balloons.{key}.count",
                balloons.count,
                f"the sum of the pool's scale sets' maxNodes, {pool.max_nodes:,}, since there is "
                "one on each node",
                "lower count, or raise maxNodes of a scale set",
            )


@reads("nodePools")
def system_pool_takes_addons(settings: Settings) -> Iterator[Problem]:
    """A pool is kept for add-ons by its label; a taint that they do not tolerate keeps it empty."""
    for key, pool in settings.node_pools.items():
        if pool.labels.get(SYSTEM_LABEL) == SYSTEM and not run_addons(pool.taints):
            yield problem(
                f"nodePools.{key}.taints",
                pool.taints,
                f"with the label {SYSTEM_LABEL}={SYSTEM} no taint but {SYSTEM_TAINT}, which is the "
                "one that add-ons tolerate",
                f"write {SYSTEM_TAINT}=true:NoSchedule, or take the label away",
            )


@reads("addons.gpu", "nodePools", whole=True)
def some_pool_has_gpus(settings: Settings) -> Iterator[Problem]:
    if settings.addons.gpu and not list(_gpu_pools(settings)):
        yield problem(
            "addons.gpu",
            "{}",
            "a pool of a size with GPUs in nodePools",
            "add such a pool, or remove the key",
        )


@reads("addons.gpu", "nodePools")
def gpu_pools_are_marked(settings: Settings) -> Iterator[Problem]:
    """The device plugin and the autoscaler go by the label; the taint is for all others."""
    for key, pool in _gpu_pools(settings) if settings.addons.gpu else ():
        if pool.labels.get(ACCELERATOR_LABEL) != ACCELERATOR:
            yield problem(
                f"nodePools.{key}.labels",
                pool.labels,
                f"with addons.gpu, {ACCELERATOR_LABEL}: {ACCELERATOR} on pools of sizes with GPUs",
                "add the label",
            )
        if not any(parsed(taint).key == GPU_TAINT for taint in pool.taints):
            yield problem(
                f"nodePools.{key}.taints",
                pool.taints,
                f"with addons.gpu, a taint {GPU_TAINT} on pools of sizes with GPUs, or pods that "
                "need none fill them",
                f"add {GPU_TAINT}=present:NoSchedule",
            )


def _gpu_pools(settings: Settings) -> Iterator[tuple[str, NodePool]]:
    for key, pool in settings.node_pools.items():
        names = {one.size or pool.size for one in pool.scale_sets.values()}
        if any(name in SIZES and effective_size(name).gpus for name in names):
            yield key, pool


CHECKS = (
    balloons_are_of_a_pool,
    balloons_fit_into_their_pool,
    system_pool_takes_addons,
    some_pool_has_gpus,
    gpu_pools_are_marked,
)
