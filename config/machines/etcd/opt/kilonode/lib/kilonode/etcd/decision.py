"""What an etcd member does before its etcd starts. Pure: decides, does nothing.

One step at a time: after every step that changes something, everything is looked at again. So a
machine that is killed anywhere goes on from what it finds at its next start.

All that is known comes from four places: this machine's data directory, the cluster's birth record
in Blob storage, the members that answer, and the declaration of who belongs to the cluster. There
is no other state, except for one intention: the founder's, to found under a certain token, which
stands on its OS disk until its etcd is up. No time is compared with another machine's.

The birth record names the cluster that counts. A restore, or a founding after all was lost, names
another: from then on the older one is over, whoever still has its data or answers for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from kilonode import etcd_versions


@dataclass(frozen=True)
class Member:
    """An entry of the cluster's member list. `name` is empty until the member has started."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
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
    """The birth record: written before the founder's etcd first starts. `etag`: as it was read.

    `revision`: that a restored cluster began with.
    """

    founder: str
    token: str
    cluster_id: int
    etag: str = field(default="", compare=False)
    revision: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Unreadable:
    """Whether there is a birth record could not be found out."""

    reason: str


@dataclass(frozen=True)
class Declared:
    """Who belongs to the cluster: addresses by name. `founder`: the voter that may found it.

    `learners`: never vote, and only keep a copy; there is one or none.
    """

    founder: str
    voters: Mapping[str, str]
    learners: Mapping[str, str]


@dataclass(frozen=True)
class Situation:
    """All there is to know. `record` None: there certainly is none.

    `intention`: the token under which this machine meant to found, until its etcd was up.
    `version`: of this machine's etcd, as in 3.6.14. `declared`: not looked at where there is data.
    `refounds`: whether the cluster is founded anew once all voters have lost their data.
    `reported`: the members that have reported so of the cluster that the record names.
    `objection`: why nobody should begin on the local disk, such as that it is slow.
    """

    name: str
    peer_url: str
    version: str
    data: Data | None
    intention: str | None
    declared: Declared | None = None
    answers: Sequence[Answer] = field(default=())
    record: Record | Unreadable | None = Unreadable("not asked for")
    refounds: bool = False
    reported: Set[str] = frozenset()
    objection: str | None = None


@dataclass(frozen=True)
class Restart:
    """Start etcd on the data that is there."""

    def __str__(self) -> str:
        return "starting etcd on the data that is here"


@dataclass(frozen=True)
class Found:
    """Write the intention and the birth record, then look again. `over`: the one it replaces."""

    over: Record | None = None

    def __str__(self) -> str:
        if self.over:
            return "all voters have reported their data lost: founding the cluster anew"
        return "there is no cluster yet: founding it"


@dataclass(frozen=True)
class StartNew:
    """Start etcd as a cluster of one; the only step that lets it bootstrap."""

    token: str

    def __str__(self) -> str:
        return "starting etcd as a cluster of one"


@dataclass(frozen=True)
class SetAside:
    """The data is of no use any more: move it away, then look again."""

    reason: str

    def __str__(self) -> str:
        return f"setting the data aside: {self.reason}"


@dataclass(frozen=True)
class Remove:
    """Remove this machine's old entry from the member list, then look again."""

    member: Member
    ask: str

    def __str__(self) -> str:
        return f"removing this machine's old entry {self.member.id:x}, whose data is gone"


@dataclass(frozen=True)
class Join:
    """Add this machine as a learner, and start etcd with the member list that this gives."""

    ask: str

    def __str__(self) -> str:
        return f"joining as a learner, by {self.ask}"


@dataclass(frozen=True)
class Report:
    """Report that this machine has none of the cluster's data, then look again."""

    cluster_id: int

    def __str__(self) -> str:
        return f"reporting that this machine has no data of cluster {self.cluster_id:x}"


@dataclass(frozen=True)
class TakeBack:
    """Take back this machine's report before it can get data again, then look again."""

    cluster_id: int

    def __str__(self) -> str:
        return f"taking back the report that there is no data of cluster {self.cluster_id:x}"


@dataclass(frozen=True)
class Wait:
    """Nothing that is safe can be done now."""

    reason: str

    def __str__(self) -> str:
        return f"waiting: {self.reason}"


# As text, each is a line for the journal.
Step = Restart | Found | StartNew | SetAside | Remove | Join | Report | TakeBack | Wait


def decide(now: Situation) -> Step:
    """The next step of the machine whose situation this is."""
    named = now.record.cluster_id if isinstance(now.record, Record) else None
    if now.data and named not in (None, now.data.cluster_id):
        # At first sight, as the record may be unreadable at the next: then this data must not rise
        # again beside the cluster that took its place.
        return SetAside(f"it is of cluster {now.data.cluster_id:x}, but {named:x} took its place")
    # Members of an older cluster than the record's count for nothing.
    answers = [answer for answer in now.answers if named in (None, answer.cluster_id)]
    if len({answer.cluster_id for answer in answers}) > 1:
        return Wait("members of different clusters answer: an operator has to end one of them")
    if now.data:
        return _with_data(now, now.data, answers)
    if not _is_declared(now):
        return Wait("this machine is not declared a member of the cluster: it does not join")
    if now.objection:
        # Its old entry stays, too: a vote that is missing costs no more than one that was removed.
        return Wait(now.objection)
    current = agreed(answers)
    if current:
        return _unreported(now) or _rejoin(now, current, answers)
    if answers:
        return Wait("members answer, but without a leader: the cluster has lost its quorum")
    return _alone(now)


def cluster_of_one(peer_url: str, token: str) -> int:
    """The cluster ID that etcd derives for a cluster of one with this peer URL and token."""
    member = hashlib.sha1((peer_url + token).encode()).digest()[:8]
    return int.from_bytes(hashlib.sha1(member).digest()[:8])


def agreed(answers: Iterable[Answer]) -> Answer | None:
    """One with the current member list; None if no member has a leader."""
    return next((answer for answer in answers if answer.agreed), None)


def _is_declared(now: Situation) -> bool:
    declared = now.declared
    return declared is not None and now.name in {*declared.voters, *declared.learners}


def _with_data(now: Situation, data: Data, answers: Sequence[Answer]) -> Step:
    """The record names this data's cluster, or names none, or cannot be read."""
    if answers and answers[0].cluster_id != data.cluster_id:
        return Wait(
            f"members of cluster {answers[0].cluster_id:x} answer, this machine's data is of "
            f"{data.cluster_id:x}, and no birth record tells which one counts"
        )
    current = agreed(answers)
    if current and data.member_id not in {member.id for member in current.members}:
        return SetAside(f"member {data.member_id:x} is not in the cluster any more")
    # Also if nobody answers: all may be starting, and would never find a quorum if each waited.
    # Data never hurts under its own ID: were it removed meanwhile, its etcd is told so and ends.
    # And also if the record cannot be read: one member's data makes no cluster. A quorum's would
    # have to have been away when a restore named another cluster (which is only done where a
    # quorum is lost), come back while the store is away, and hear of no member of the new one.
    # Even then etcd-record.service ends it once the store is back. Whereas waiting for the store
    # would keep a whole cluster down that has lost nothing.
    return _take_back(now) or Restart()


def _take_back(now: Situation) -> Step | None:
    """No report may outlive the loss that it reports: others would found anew over data."""
    if isinstance(now.record, Record) and now.name in now.reported:
        return TakeBack(now.record.cluster_id)
    return None


def _unreported(now: Situation) -> Step | None:
    """What has to be done before a blank machine gets data again."""
    if now.refounds and isinstance(now.record, Unreadable):
        return Wait(f"a report of this machine might be in the store: {now.record.reason}")
    return _take_back(now)


def _rejoin(now: Situation, current: Answer, answers: Sequence[Answer]) -> Step:
    """Blank, and the cluster works: any entry of ours promises data that is gone."""
    if not etcd_versions.fits(now.version, current.version):
        return Wait(f"etcd {now.version} cannot join a cluster of version {current.version}")
    mine = [member for member in current.members if now.peer_url in member.peer_urls]
    if not mine:
        return Join(current.address)
    voters = {member.id for member in current.members if not member.is_learner}
    remaining = voters - {member.id for member in mine}
    alive = remaining & {answer.member_id for answer in answers}
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
        case None if now.declared and now.name == now.declared.founder:
            return Found()
        case None:
            return Wait("the cluster is not born yet: waiting for its founder")
        case Record(founder=now.name, token=now.intention) as record:
            # Written by this very machine, whose etcd has never been up since: nothing is lost.
            return StartNew(record.token)
        case Record() as record if now.refounds and now.declared:
            return _lost(now, now.declared, record)
        case Record() as record:
            return Wait(
                f"the cluster was born on {record.founder}, but no member answers and this machine "
                "has no data; if all have lost theirs, an operator has to restore a snapshot"
            )


def _lost(now: Situation, declared: Declared, record: Record) -> Step:
    """Blank, nobody answers, and in this cluster no operator is waited for once all are blank."""
    if now.name not in declared.voters:
        return Wait("no member answers: waiting for the voters")
    if now.name not in now.reported:
        return Report(record.cluster_id)
    missing = sorted(declared.voters.keys() - now.reported)
    if missing:
        return Wait(f"no member answers, and these may still have data: {', '.join(missing)}")
    if now.name != declared.founder:
        return Wait(f"all data is lost: waiting for {declared.founder} to found the cluster anew")
    return Found(over=record)
