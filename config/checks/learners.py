"""Durable learners and their disks."""

from __future__ import annotations

from collections.abc import Iterator

from config.azure_limits import SIZES
from config.checks.check import reads
from config.problems import Problem, problem
from config.schema.etcd import LearnerSettings
from config.schema.stack import Settings

# The data, data that was set aside, and what `etcd-snapshot --own` makes of it: a copy and a trial
# restore. The fifth is for its log besides, and for the 20th part that ext4 keeps for root.
COPIES = 5
_GIB = 1024**3


@reads("etcd")
def learner_disks_hold_the_data(settings: Settings) -> Iterator[Problem]:
    for key, cluster in settings.etcd.clusters.items():
        least = COPIES * cluster.quota_bytes // _GIB
        if cluster.learner and cluster.learner.disk_gib < least:
            yield problem(
                f"etcd.{key}.learner.diskGib",
                cluster.learner.disk_gib,
                f"at least {least}: {COPIES} times quotaBytes",
                f"raise it to {least}, or lower quotaBytes",
            )


@reads("etcd")
def learner_sizes_take_their_disks(settings: Settings) -> Iterator[Problem]:
    for key, learner in _learners(settings):
        size = SIZES.get(learner.size or settings.etcd.size)
        if size and not size.premium and learner.disk_sku.startswith("Premium"):
            yield problem(
                f"etcd.{key}.learner.diskSku",
                learner.disk_sku,
                f"a disk that {size.name} takes, which has no Premium storage",
                "use StandardSSD_LRS, or another size",
            )


@reads("etcd", "zones")
def premium_v2_has_a_zone(settings: Settings) -> Iterator[Problem]:
    for key, learner in _learners(settings):
        if learner.disk_sku == "PremiumV2_LRS" and not settings.zones:
            yield problem(
                f"etcd.{key}.learner.diskSku",
                learner.disk_sku,
                "Premium_LRS or StandardSSD_LRS where zones is []: Premium v2 disks are zonal",
                "use Premium_LRS",
            )


def _learners(settings: Settings) -> Iterator[tuple[str, LearnerSettings]]:
    for key, cluster in settings.etcd.clusters.items():
        if cluster.learner:
            yield key, cluster.learner


CHECKS = (learner_disks_hold_the_data, learner_sizes_take_their_disks, premium_v2_has_a_zone)
