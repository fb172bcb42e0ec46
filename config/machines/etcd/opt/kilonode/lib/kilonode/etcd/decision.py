"""What an etcd member does before its etcd starts. Pure: decides, does nothing.

One step at a time: after every step that changes something, everything is looked at again. So a
machine that is killed anywhere goes on from what it finds at its next start.

All that is known comes from three places: this machine's data directory, the cluster's birth record
in Blob storage, and the members that answer. There is no other state, except for one intention: the
founder's, to found under a certain token, which stands on its OS disk until its etcd is up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Member:
    """An entry of the cluster's member list. `name` is empty until the member has started."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    is_learner: bool


@dataclass(frozen=True)
class Answer:
    """A running member's member list. `agreed`: confirmed by a leader with a quorum, so current."""

    address: str
    cluster_id: int
    member_id: int
    members: tuple[Member, ...]
    agreed: bool
    version: str


@dataclass(frozen=True)
class Data:
    """Whose data the data directory holds."""

    cluster_id: int
    member_id: int


@dataclass(frozen=True)
class Record:
    """The birth record: written before the founder's etcd first starts. `etag`: as it was read."""

    founder: str
    token: str
    cluster_id: int
    etag: str = field(default="", compare=False)


@dataclass(frozen=True)
class Unreadable:
    """Whether there is a birth record could not be found out."""

    reason: str


@dataclass(frozen=True)
class Situation:
    """All there is to know. `record` None: there certainly is none.

    `intention`: the token under which this machine meant to found, until its etcd was up.
    `version`: of this machine's etcd, as in 3.6.14.
    """

    name: str
    peer_url: str
    version: str
    is_founder: bool
    data: Data | None
    intention: str | None
    answers: Sequence[Answer] = field(default=())
    record: Record | Unreadable | None = Unreadable("not asked for")


@dataclass(frozen=True)
class Restart:
    """Start etcd on the data that is there."""


@dataclass(frozen=True)
class Found:
    """Write the intention and the birth record, then look again."""


@dataclass(frozen=True)
class StartNew:
    """Start etcd as a cluster of one; the only step that lets it bootstrap."""

    token: str


@dataclass(frozen=True)
class SetAside:
    """The data is of no use any more: move it away, then look again."""

    reason: str


@dataclass(frozen=True)
class Remove:
    """Remove this machine's old entry from the member list, then look again."""

    member: Member
    ask: str


@dataclass(frozen=True)
class Join:
    """Add this machine as a learner, and start etcd with the member list that this gives."""

    ask: str


@dataclass(frozen=True)
class Wait:
    """Nothing that is safe can be done now."""

    reason: str


Step = Restart | Found | StartNew | SetAside | Remove | Join | Wait


def decide(now: Situation) -> Step:
    """The next step of the machine whose situation this is."""
    if len({answer.cluster_id for answer in now.answers}) > 1:
        return Wait("members of different clusters answer: an operator has to end one of them")
    if now.data:
        return _with_data(now, now.data)
    current = _current(now.answers)
    if current:
        return _rejoin(now, current)
    if now.answers:
        return Wait("members answer, but without a leader: the cluster has lost its quorum")
    return _alone(now)


def describe(step: Step) -> str:
    """The step as a line for the journal."""
    match step:
        case Restart():
            return "starting etcd on the data that is here"
        case Found():
            return "there is no cluster yet: founding it"
        case StartNew():
            return "starting etcd as a cluster of one"
        case SetAside(reason):
            return f"setting the data aside: {reason}"
        case Remove(member):
            return f"removing this machine's old entry {member.id:x}, whose data is gone"
        case Join(ask):
            return f"joining as a learner, by {ask}"
        case Wait(reason):
            return f"waiting: {reason}"


def cluster_of_one(peer_url: str, token: str) -> int:
    """The cluster ID that etcd derives for a cluster of one with this peer URL and token."""
    member = hashlib.sha1((peer_url + token).encode()).digest()[:8]
    return int.from_bytes(hashlib.sha1(member).digest()[:8])


def _current(answers: Sequence[Answer]) -> Answer | None:
    return next((answer for answer in answers if answer.agreed), None)


def _with_data(now: Situation, data: Data) -> Step:
    current = _current(now.answers)
    if current and data.member_id not in {member.id for member in current.members}:
        return SetAside(f"member {data.member_id:x} is not in the cluster any more")
    record = now.record if isinstance(now.record, Record) else None
    if not now.answers and record and record.cluster_id != data.cluster_id:
        return Wait(
            f"the data is of cluster {data.cluster_id:x}, but it is {record.cluster_id:x} that was "
            "born, and none of its members answers"
        )
    # Also if nobody answers: all may be starting, and would never find a quorum if each waited.
    # Data never hurts under its own ID: were it removed meanwhile, its etcd is told so and ends.
    return Restart()


def _rejoin(now: Situation, current: Answer) -> Step:
    """Blank, and the cluster works: any entry of ours promises data that is gone."""
    if not _fits(now.version, current.version):
        return Wait(f"etcd {now.version} cannot join a cluster of version {current.version}")
    mine = [member for member in current.members if now.peer_url in member.peer_urls]
    if not mine:
        return Join(current.address)
    voters = {member.id for member in current.members if not member.is_learner}
    remaining = voters - {member.id for member in mine}
    alive = remaining & {answer.member_id for answer in now.answers}
    if mine[0].id in voters and len(alive) < len(remaining) // 2 + 1:
        return Wait(
            f"only {len(alive)} of the {len(remaining)} other voters answer, so this machine's "
            "old entry cannot be removed without losing the quorum"
        )
    return Remove(mine[0], current.address)


def _alone(now: Situation) -> Step:
    """Blank, and nobody answers."""
    match now.record:
        case Unreadable(reason):
            return Wait(f"no member answers, and the birth record cannot be read: {reason}")
        case None if now.is_founder:
            return Found()
        case None:
            return Wait("the cluster is not born yet: waiting for its founder")
        case Record(founder=now.name, token=now.intention) as record:
            # Written by this very machine, whose etcd has never been up since: nothing is lost.
            return StartNew(record.token)
        case Record() as record:
            return Wait(
                f"the cluster was born on {record.founder}, but no member answers and this machine "
                "has no data; if all have lost theirs, an operator has to restore a snapshot"
            )


def _fits(own: str, cluster: str) -> bool:
    """etcd goes up one minor version at a time, and a cluster never goes down."""
    (major, minor), (cluster_major, cluster_minor) = _minor(own), _minor(cluster)
    return major == cluster_major and cluster_minor <= minor <= cluster_minor + 1


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
