"""Zones: what the loss of one may take with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from config.checks.check import reads
from config.checks.members import different
from config.problems import Problem, problem
from config.schema.stack import Settings
from config.topology import zone_of

# With fewer, one of them always holds a quorum of something.
ZONES_WANTED = 3


@reads("zones")
def zones_differ(settings: Settings) -> Iterator[Problem]:
    yield from different("zones", settings.zones)


@reads("zones", "etcd.main.members")
def no_zone_holds_a_quorum_of_main(settings: Settings) -> Iterator[Problem]:
    yield from _no_quorum_in_one("etcd.main.members", settings.etcd.main.members, settings.zones)


@reads("zones", "etcd.events.members")
def no_zone_holds_a_quorum_of_events(settings: Settings) -> Iterator[Problem]:
    members = settings.etcd.events.members
    # A single member is warned of as such.
    if len(members) > 1:
        yield from _no_quorum_in_one("etcd.events.members", members, settings.zones)


@reads("zones", "masters.members")
def masters_are_in_different_zones(settings: Settings) -> Iterator[Problem]:
    members, zones = settings.masters.members, settings.zones
    if len(zones) > 1 and len(members) > 1 and len({zone_of(key, zones) for key in members}) == 1:
        yield problem(
            "masters.members",
            members,
            f"masters in at least two zones; the keys follow {_cycle(zones)}, and all of these are "
            f"in zone {zone_of(members[0], zones)}",
            "use neighbouring keys, such as a, b and c",
        )


def warnings(settings: Settings) -> Iterator[str]:
    zones = settings.zones
    if not zones:
        yield (
            "kilonode:zones: none, and no cluster of none gets zones later; etcd members and "
            "masters may share a rack, and one failure of it can take the quorum"
        )
    elif len(zones) < ZONES_WANTED:
        yield (
            f"kilonode:zones: only {', '.join(zones)}; one of them holds a quorum of etcd, and its "
            f"failure ends the control plane. Give {ZONES_WANTED} where the region has them"
        )


def _no_quorum_in_one(key: str, members: Sequence[str], zones: Sequence[str]) -> Iterator[Problem]:
    if len(zones) < ZONES_WANTED:
        return
    zone, count = Counter(zone_of(member, zones) for member in members).most_common(1)[0]
    if count > len(members) // 2:
        yield problem(
            key,
            members,
            f"no quorum in one zone; the keys follow {_cycle(zones)}, and {count} of "
            f"{len(members)} are in zone {zone}",
            "use neighbouring keys, such as a, b and c",
        )


def _cycle(zones: Sequence[str]) -> str:
    return f"the zones {', '.join(zones)} in turn"


CHECKS = (
    zones_differ,
    no_zone_holds_a_quorum_of_main,
    no_zone_holds_a_quorum_of_events,
    masters_are_in_different_zones,
)
