"""VM sizes: known, not retired, with a local disk, and as large as the cluster asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from config.azure_limits import SIZES, VMS_PER_REGION
from config.checks.check import reads
from config.checks.ranges import max_nodes
from config.problems import Problem, nearest, problem
from config.schema.stack import Settings
from config.topology import effective_size, topology

# E2: an apiserver's heap grows with the nodes.
_HEAP_MB_PER_NODE = 9.3
# The rest is the other programs', the page cache's, and what Go's collector and a storm of
# reconnecting nodes take on top.
_HEAP_SHARE = 0.5


@reads("etcd.size")
def etcd_size_is_usable(settings: Settings) -> Iterator[Problem]:
    yield from _usable("etcd.size", settings.etcd.size)


@reads("masters.size")
def masters_size_is_usable(settings: Settings) -> Iterator[Problem]:
    yield from _usable("masters.size", settings.masters.size)


@reads("nodePools")
def pool_sizes_are_usable(settings: Settings) -> Iterator[Problem]:
    for key, name in _pool_sizes(settings):
        yield from _usable(key, name)


@reads("etcd")
def learner_sizes_are_known(settings: Settings) -> Iterator[Problem]:
    """They may be without a local disk: a learner's data lies on a disk of its own."""
    for key, name in _learner_sizes(settings):
        if name not in SIZES:
            yield _unknown(key, name)


@reads("retiredSizes", "etcd", "masters", "nodePools")
def retired_sizes_are_allowed_for(settings: Settings) -> Iterator[Problem]:
    for key, name in _sizes(settings):
        size = SIZES.get(name)
        if size and size.retired and settings.retired_sizes == "refuse":
            yield problem(
                key,
                name,
                f"a size that can still be created; Azure retired it on {size.retirement}",
                f"use {size.substitute}, or set kilonode:retiredSizes to substitute",
            )


def notes(settings: Settings) -> Iterator[str]:
    """What to have raised before the first update; Azure counts by family and by region."""
    plan = topology(settings)
    vcpus: Counter[str] = Counter()
    for member in (*plan.events.members, *plan.etcd.members, *plan.masters):
        vcpus[member.size.name] += member.size.vcpus
    for node_set in plan.node_sets:
        vcpus[node_set.size.name] += node_set.size.vcpus * node_set.max_nodes
    by_size = ", ".join(f"{name} {count:,}" for name, count in vcpus.items())
    yield f"vCPU quota in {settings.location} for all maxNodes: {vcpus.total():,} ({by_size})"


def warnings(settings: Settings) -> Iterator[str]:
    nodes, masters = max_nodes(settings), effective_size(settings.masters.size)
    heap = nodes * _HEAP_MB_PER_NODE / 1024
    if heap > masters.memory_gib * _HEAP_SHARE:
        yield (
            f"kilonode:masters.size: {masters.name} has {masters.memory_gib} GiB, and with "
            f"{nodes:,} nodes an apiserver's heap alone may take {heap:,.0f} GiB (E2); take a size "
            f"with {heap / _HEAP_SHARE:,.0f} GiB or more"
        )
    if nodes > VMS_PER_REGION:
        yield (
            f"kilonode:nodePools: {nodes:,} nodes; a subscription has {VMS_PER_REGION:,} VMs in a "
            "region unless Azure raised it"
        )
    for key, name in _sizes(settings):
        size = SIZES[name]
        if size.retired:
            yield (
                f"kilonode:{key}: Azure retired {name} on {size.retirement}; {size.substitute} "
                "stands in for it"
            )
        elif size.retirement:
            yield (
                f"kilonode:{key}: Azure retires {name} on {size.retirement} and restricts it for "
                f"new subscriptions; {size.substitute} comes closest"
            )


def _usable(key: str, name: str) -> Iterator[Problem]:
    if name not in SIZES:
        yield _unknown(key, name)
    elif SIZES[name].disk_kind is None:
        local = (size.name for size in SIZES.values() if size.disk_kind and not size.retirement)
        yield problem(
            key,
            name,
            "a size with a local disk: etcd's data (D2) and Docker's root (D12) lie there",
            f"use {nearest(name, local) or 'one with a d in its name'}",
        )


def _unknown(key: str, name: str) -> Problem:
    near = nearest(name, SIZES)
    return problem(
        key,
        name,
        "a size of config/azure_limits.py",
        f"did you mean {near}?" if near else f"use one of {', '.join(SIZES)}",
    )


def _learner_sizes(settings: Settings) -> Iterator[tuple[str, str]]:
    for key, cluster in settings.etcd.clusters.items():
        if cluster.learner and cluster.learner.size:
            yield f"etcd.{key}.learner.size", cluster.learner.size


def _sizes(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "etcd.size", settings.etcd.size
    yield from _learner_sizes(settings)
    yield "masters.size", settings.masters.size
    yield from _pool_sizes(settings)


def _pool_sizes(settings: Settings) -> Iterator[tuple[str, str]]:
    for key, pool in settings.node_pools.items():
        yield f"nodePools.{key}.size", pool.size
        for name, scale_set in pool.scale_sets.items():
            if scale_set.size is not None:
                yield f"nodePools.{key}.scaleSets.{name}.size", scale_set.size


CHECKS = (
    etcd_size_is_usable,
    learner_sizes_are_known,
    masters_size_is_usable,
    pool_sizes_are_usable,
    retired_sizes_are_allowed_for,
)
