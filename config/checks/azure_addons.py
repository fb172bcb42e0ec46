"""Add-ons that act on Azure."""

from __future__ import annotations

from collections.abc import Iterator

from config.addon_nodes import SYSTEM, SYSTEM_LABEL, SYSTEM_TAINT, run_addons
from config.azure_limits import SIZES, TAGS_MAX
from config.checks.check import reads
from config.checks.members import different
from config.cluster_totals import totals
from config.problems import Problem, problem
from config.scale_set_tags import OWN_TAGS
from config.schema.pools import NodePool
from config.schema.stack import Settings
from config.taints import parsed
from config.topology import effective_size
from config.workload_identities import workloads


@reads("addons", whole=True)
def nodes_without_a_vm_leave(settings: Settings) -> Iterator[Problem]:
    """What the autoscaler removes would stay as unready nodes, and pull its own brake."""
    addons = settings.addons
    for key, section in (
        ("clusterAutoscaler", addons.cluster_autoscaler),
        ("azureDisk", addons.azure_disk),
    ):
        if section and not addons.cloud_controller_manager:
            yield problem(
                f"addons.{key}",
                "on",
                "together with addons.cloudControllerManager, which removes nodes whose VM is gone",
                "add cloudControllerManager: {} to kilonode:addons",
            )


@reads("addons", "nodePools", whole=True)
def azure_identities_have_nodes_of_their_own(settings: Settings) -> Iterator[Problem]:
    """Root on a node reads its pods' tokens, so no ordinary pod runs beside these."""
    wanted = [one.name for one in workloads(settings)]
    if wanted and not any(_is_system(pool) for pool in settings.node_pools.values()):
        yield problem(
            "nodePools",
            ", ".join(settings.node_pools),
            f"a pool for {', '.join(wanted)}, which act on Azure: with the label "
            f"{SYSTEM_LABEL}: {SYSTEM}, the taint {SYSTEM_TAINT}=true:NoSchedule and a node at "
            "creation",
            "add one as the pool system of Pulumi.prod.yaml",
        )


@reads("addons.clusterAutoscaler", "masters", "nodePools", whole=True)
def brake_can_act(settings: Settings) -> Iterator[Problem]:
    wanted = settings.addons.cluster_autoscaler
    if not wanted:
        return
    nodes = totals(settings, at_most=True).nodes
    share = nodes * wanted.max_unready_percent // 100
    if wanted.ok_unready_nodes >= max(share, 1):
        yield problem(
            "addons.clusterAutoscaler.okUnreadyNodes",
            wanted.ok_unready_nodes,
            f"below maxUnreadyPercent ({wanted.max_unready_percent} %) of the {nodes:,} nodes and "
            f"masters that there may be, {share:,}; otherwise the brake never acts (D5)",
            "lower okUnreadyNodes",
        )


@reads("addons.clusterAutoscaler", "masters", "nodePools", whole=True)
def totals_hold_what_is_created(settings: Settings) -> Iterator[Problem]:
    wanted = settings.addons.cluster_autoscaler
    if not wanted:
        return
    created = totals(settings, at_most=False)
    for key, limit, least in (
        ("maxNodes", wanted.max_nodes, created.nodes),
        ("maxCores", wanted.max_cores, created.cores),
        ("maxMemoryGib", wanted.max_memory_gib, created.memory_gib),
    ):
        if limit is not None and limit < least:
            yield problem(
                f"addons.clusterAutoscaler.{key}",
                limit,
                f"at least what nodes and masters have at creation, {least:,}",
                f"raise {key}, or give scale sets fewer nodes",
            )


@reads("addons.azureDisk", "nodePools", "retiredSizes", whole=True)
def disks_fit_the_sizes(settings: Settings) -> Iterator[Problem]:
    """The scheduler does not know it, so a pod would wait for ever on the wrong node."""
    wanted = settings.addons.azure_disk
    premium = [sku for sku in wanted.skus if sku.startswith("Premium")] if wanted else []
    for key, pool in settings.node_pools.items():
        for name in {pool.size, *(one.size or pool.size for one in pool.scale_sets.values())}:
            if name not in SIZES or not premium or pool.taints:
                continue
            if not effective_size(name).premium:
                yield problem(
                    "addons.azureDisk.skus",
                    ", ".join(premium),
                    f"kinds of disk that nodes of all pools without taints take; {name} of "
                    f"nodePools.{key} has no premium storage",
                    "use StandardSSD_LRS, or another size",
                )


@reads("addons.azureDisk.skus")
def kinds_of_disk_differ(settings: Settings) -> Iterator[Problem]:
    """Each has a StorageClass of its name."""
    if wanted := settings.addons.azure_disk:
        yield from different("addons.azureDisk.skus", wanted.skus)


@reads("nodePools")
def tags_are_few_enough(settings: Settings) -> Iterator[Problem]:
    for key, pool in settings.node_pools.items():
        count = OWN_TAGS + len(pool.labels) + len(pool.taints)
        if count > TAGS_MAX:
            yield problem(
                f"nodePools.{key}.labels",
                len(pool.labels),
                f"labels and taints together at most {TAGS_MAX - OWN_TAGS}: each is a tag of the "
                f"scale sets, for the autoscaler, and Azure allows {TAGS_MAX}",
                "take labels away",
            )


def _is_system(pool: NodePool) -> bool:
    return (
        pool.labels.get(SYSTEM_LABEL) == SYSTEM
        and any(parsed(taint).key == SYSTEM_TAINT for taint in pool.taints)
        and run_addons(pool.taints)
        and any(one.nodes for one in pool.scale_sets.values())
    )


CHECKS = (
    nodes_without_a_vm_leave,
    azure_identities_have_nodes_of_their_own,
    brake_can_act,
    totals_hold_what_is_created,
    disks_fit_the_sizes,
    kinds_of_disk_differ,
    tags_are_few_enough,
)
