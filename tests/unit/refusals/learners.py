"""Durable learners."""

from __future__ import annotations

from config.checks import learners
from tests.unit.refusals import Row

ROWS = {
    "a learner's disk that its data outgrows": Row(
        learners.learner_disks_hold_the_data,
        {"etcd.main.learner": {"diskGib": 32}},
        "etcd.main.learner.diskGib",
        ["= 32", "at least 40", "5 times quotaBytes"],
    ),
    "a Premium disk for a size that takes none": Row(
        learners.learner_sizes_take_their_disks,
        {"etcd.events.learner": {"size": "Standard_D15_v2"}},
        "etcd.events.learner.diskSku",
        ["= Premium_LRS", "use StandardSSD_LRS"],
    ),
    "a zonal disk where there are no zones": Row(
        learners.premium_v2_has_a_zone,
        {"zones": [], "etcd.main.learner": {"diskSku": "PremiumV2_LRS"}},
        "etcd.main.learner.diskSku",
        ["zonal", "use Premium_LRS"],
    ),
}
