"""Situations that an etcd member may find itself in before its etcd starts."""

from collections.abc import Sequence
from dataclasses import replace

from kilonode.etcd.decision import (
    Answer,
    Data,
    Declared,
    Member,
    Record,
    Situation,
    Unreadable,
)

CLUSTER = 0xC1
TOKEN = "f00d"
KEYS = "abcdefghi"


def member(letter: str, *, learner: bool = False, started: bool = True) -> Member:
    index = ord(letter) - ord("a")
    address = f"10.0.0.{10 + index}"
    return Member(
        id=0xA0 + index,
        name=f"prod-etcd-{letter}" if started else "",
        peer_urls=(f"https://{address}:2380",),
        is_learner=learner,
    )


def answers(letters: str, members: Sequence[Member], *, agreed: bool = True) -> tuple[Answer, ...]:
    return tuple(
        Answer(
            address=f"10.0.0.{10 + ord(letter) - ord('a')}",
            cluster_id=CLUSTER,
            member_id=member(letter).id,
            members=tuple(members),
            agreed=agreed,
            version="3.6.0",
        )
        for letter in letters
    )


A, B, C, D, E = map(member, "abcde")
RECORD = Record(founder="prod-etcd-a", token=TOKEN, cluster_id=CLUSTER)
# The record after a restore on c, or after the cluster was founded anew.
OTHER = 0xC2
NEWER = Record(founder="prod-etcd-c", token="beef", cluster_id=OTHER)
UNREADABLE = Unreadable("HTTP Error 403")


def declared(voters: str, learner: str = "") -> Declared:
    addresses = {f"prod-etcd-{key}": f"10.0.0.{10 + place}" for place, key in enumerate(KEYS)}
    by_voter, by_learner = (
        {f"prod-etcd-{key}": addresses[f"prod-etcd-{key}"] for key in keys}
        for keys in (voters, learner)
    )
    return Declared(f"prod-etcd-{voters[0]}", by_voter, by_learner)


def of(cluster_id: int, known: Sequence[Answer]) -> tuple[Answer, ...]:
    return tuple(replace(answer, cluster_id=cluster_id) for answer in known)


def situation(letter: str = "b", **known: object) -> Situation:
    blank = Situation(
        name=f"prod-etcd-{letter}",
        peer_url=member(letter).peer_urls[0],
        version="3.6.14",
        data=None,
        intention=None,
        declared=declared("abcde"),
    )
    return replace(blank, **known)  # type: ignore[arg-type]


def data(letter: str) -> Data:
    return Data(cluster_id=CLUSTER, member_id=member(letter).id)
