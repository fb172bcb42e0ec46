"""Zones."""

from __future__ import annotations

from config.checks import zones
from tests.unit.refusals import Row

ROWS = {
    "the same zone twice": Row(zones.zones_differ, {"zones": ["1", "1"]}, "zones", ["list 1 once"]),
    "a main etcd that shares one zone": Row(
        zones.no_zone_holds_a_quorum_of_main,
        {"etcd.main.members": ["a", "d", "g"]},
        "etcd.main.members",
        ["3 of 3 are in zone 1", "such as a, b and c"],
    ),
    "a main etcd whose quorum shares one zone": Row(
        zones.no_zone_holds_a_quorum_of_main,
        {"etcd.main.members": ["a", "b", "d"]},
        "etcd.main.members",
        ["2 of 3 are in zone 1"],
    ),
    "an etcd for events whose quorum shares one zone": Row(
        zones.no_zone_holds_a_quorum_of_events,
        {"etcd.events.members": ["c", "f", "b"]},
        "etcd.events.members",
        ["2 of 3 are in zone 3"],
    ),
    "masters that share one zone": Row(
        zones.masters_are_in_different_zones,
        {"masters.members": ["b", "e"]},
        "masters.members",
        ["all of these are in zone 2", "such as a, b and c"],
    ),
    "masters that share one zone of two": Row(
        zones.masters_are_in_different_zones,
        {"zones": ["1", "3"], "masters.members": ["b", "d"]},
        "masters.members",
        ["in zone 3"],
    ),
}
