"""What watches the cluster: keys and room that it needs."""

from __future__ import annotations

from collections.abc import Iterator

from config.addon_nodes import run_addons
from config.allocatable import PERCENT_FOR_ONE_POD, Room, allocatable
from config.azure_limits import SIZES
from config.checks.check import reads
from config.problems import Problem, problem
from config.schema.stack import Settings
from config.topology import effective_size


@reads("addons.datadog", "datadogApiKey")
def datadog_has_its_key(settings: Settings) -> Iterator[Problem]:
    key = settings.datadog_api_key
    if settings.addons.datadog and not (key and key.get_secret_value().strip()):
        yield problem(
            "datadogApiKey",
            "(missing)",
            "addons.datadog sends nothing without it",
            "run `pulumi config set --secret kilonode:datadogApiKey`, or remove addons.datadog",
        )


@reads("addons.prometheus", "addons.clusterAutoscaler", "nodePools", whole=True)
def prometheus_fits_a_node(settings: Settings) -> Iterator[Problem]:
    """It would wait for ever, and an update for half an hour."""
    wanted, rooms = settings.addons.prometheus, list(_rooms(settings))
    if not wanted or not rooms:
        return
    asked = Room(wanted.millicores, wanted.memory_mib)
    if any(asked.millicores <= room.millicores and asked.mib <= room.mib for _, room in rooms):
        return
    size, most = max(rooms, key=lambda one: (one[1].mib, one[1].millicores))
    for key, value, limit in (
        ("millicores", asked.millicores, most.millicores),
        ("memoryMib", asked.mib, most.mib),
    ):
        if value > limit:
            yield problem(
                f"addons.prometheus.{key}",
                value,
                f"{limit:,}, what {size} has for one pod: the largest size of the pools that run "
                "add-ons",
                f"set it to {limit} or less, or give such a pool a larger size",
            )


def warnings(settings: Settings) -> Iterator[str]:
    prometheus, disks = settings.addons.prometheus, settings.addons.azure_disk
    name = prometheus.storage_class if prometheus else None
    ours = list(disks.classes) if disks else []
    if name and name not in ours:
        yield (
            f"kilonode:addons.prometheus.storageClass: {name} is none of addons.azureDisk "
            f"({', '.join(ours) or 'it is off'}); unless somebody else makes it, Prometheus waits "
            "for its volume"
        )


def _rooms(settings: Settings) -> Iterator[tuple[str, Room]]:
    """Of sizes that add-ons may run on, as soon as there are nodes of them: name and room."""
    grows = settings.addons.cluster_autoscaler is not None
    for pool in settings.node_pools.values():
        for one in pool.scale_sets.values() if run_addons(pool.taints) else ():
            name = one.size or pool.size
            if name in SIZES and (one.nodes or (grows and one.max_nodes)):
                size = effective_size(name)
                yield size.name, allocatable(size, PERCENT_FOR_ONE_POD)


CHECKS = (datadog_has_its_key, prometheus_fits_a_node)
