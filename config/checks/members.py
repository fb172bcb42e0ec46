"""Members of the etcd clusters and masters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from config.checks.check import reads
from config.problems import Problem, problem
from config.schema.stack import Settings

MAIN_SIZES = (3, 5)
EVENTS_SIZES = (1, 3, 5)
MASTERS_MIN = 2
# The documents' largest cluster had five apiservers (E1).
MASTERS_USUAL_MAX = 5


@reads("etcd.main.members")
def main_etcd_has_a_quorum(settings: Settings) -> Iterator[Problem]:
    yield from _count("etcd.main.members", settings.etcd.main.members, MAIN_SIZES)


@reads("etcd.events.members")
def events_etcd_has_a_quorum(settings: Settings) -> Iterator[Problem]:
    yield from _count("etcd.events.members", settings.etcd.events.members, EVENTS_SIZES)


@reads("masters.members")
def more_than_one_master(settings: Settings) -> Iterator[Problem]:
    members = settings.masters.members
    if len(set(members)) < MASTERS_MIN:
        yield problem(
            "masters.members",
            members,
            f"at least {MASTERS_MIN} masters (D8)",
            "add a key, for example b",
        )


@reads("etcd.main.members")
def main_etcd_members_differ(settings: Settings) -> Iterator[Problem]:
    yield from different("etcd.main.members", settings.etcd.main.members)


@reads("etcd.events.members")
def events_etcd_members_differ(settings: Settings) -> Iterator[Problem]:
    yield from different("etcd.events.members", settings.etcd.events.members)


@reads("masters.members")
def masters_differ(settings: Settings) -> Iterator[Problem]:
    yield from different("masters.members", settings.masters.members)


def warnings(settings: Settings) -> Iterator[str]:
    masters = len(settings.masters.members)
    if masters > MASTERS_USUAL_MAX:
        yield (
            f"kilonode:masters.members: {masters} masters. More than {MASTERS_USUAL_MAX} treated a "
            "symptom in the documents' cluster: look first at etcd's write latency (D2), at LIST "
            "requests from every node (D7) and at the rate of 429 and 5xx answers (E1)"
        )
    if len(settings.etcd.events.members) == 1:
        yield (
            "kilonode:etcd.events.members: one member; while its machine is away no events are "
            "kept, and with its local disk they are gone"
        )


def _count(key: str, members: Sequence[str], allowed: Sequence[int]) -> Iterator[Problem]:
    if len(members) not in allowed:
        counts = ", ".join(map(str, allowed[:-1])) + f" or {allowed[-1]}"
        yield problem(
            key,
            members,
            f"{counts} members; an even number bears no more failures than one less, and a single "
            "main member none",
            f"list {counts} keys",
        )


def different(key: str, values: Sequence[str]) -> Iterator[Problem]:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        yield problem(key, values, "every one once", f"list {', '.join(twice)} once")


CHECKS = (
    main_etcd_has_a_quorum,
    events_etcd_has_a_quorum,
    more_than_one_master,
    main_etcd_members_differ,
    events_etcd_members_differ,
    masters_differ,
)
