"""Keeps the members' data files below their quota, and ends the alarm of one that was reached.

Runs each minute on every machine, and acts on the leader's alone: compacts, defragments one member
at a time, disarms. Nothing of it is to be finished: whoever is killed, or finds the cluster not
healthy, leaves the rest to the next run, which goes on from what it finds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kilonode import metrics
from kilonode.etcd import care_memory, certificates
from kilonode.etcd.care_memory import Memory
from kilonode.etcd.client import Client, EtcdError, Status, address_of
from kilonode.etcd.decision import Member
from kilonode.etcd.health import UnhealthyError
from kilonode.etcd.this_member import PKI, ThisMember, this_member
from kilonode.machine import environment, say
from kilonode.metrics import Sample

MEMORY = Path("/run/kilonode/etcd-care.json")

# Where OpenShift's operator of etcd defragments (its defragcontroller), too: below, a member that
# answers nobody for a while is a price for nothing.
_WORTH_BYTES = 100 << 20
_WORTH_SHARE = 0.45
# The quota counts the file, free pages in it included. So a file that is nearly as large is worth
# less free space, and is no reason to disarm.
_NEAR_QUOTA = 0.9
_NEAR_QUOTA_SHARE = 0.1
# A new file is a little larger than what was in use of the old one.
_ENDS_ALARM = 0.85
# Apiservers leave five to ten minutes of history; from here on, it is five to six.
_MUCH_IN_USE = 0.8
# Entries of the log, a moment's worth under load.
_IN_SYNC = 1000
_MORE_COMMITS = 3
_SETTLED_SECONDS = 120.0
_PAUSE_SECONDS = 1.0


def pays(status: Status, full: bool) -> bool:
    """Whether to defragment the member. `full`: NOSPACE is raised."""
    free = status.size - status.in_use
    limit = _NEAR_QUOTA * status.quota
    if full and status.size > limit and status.in_use <= _ENDS_ALARM * status.quota:
        return True
    if status.size > limit and free >= _NEAR_QUOTA_SHARE * status.quota:
        return True
    return status.size >= _WORTH_BYTES and free >= _WORTH_SHARE * status.size


class Care:
    """Of the cluster, by one of its members."""

    def __init__(self, client: Client, me: ThisMember, memory: Memory) -> None:
        self._client, self._me, self._memory = client, me, memory
        # What was found of each kind; nothing on who does not lead.
        self.alarms: Counter[str] = Counter()
        # By address, why a member takes no part in this run.
        self._away: dict[str, Exception] = {}

    def run(self, now: float) -> None:
        """`now`: by the monotonic clock. Raises EtcdError or UnhealthyError, whose text says why
        the rest is not done."""
        own = self._client.status(self._me.address)
        self._memory.note(own, now)
        if own.leader != own.member_id:
            return
        full = self._full()
        members = self._members(spare=full)
        if full or any(each.in_use > _MUCH_IN_USE * each.quota for each in members.values()):
            self._compact(now)
            members = self._members()
        self._defragment(members, full)
        if full:
            self._disarm()
        if self._away:
            raise self._absence()

    def _full(self) -> bool:
        raised = (alarm.kind for alarm in self._client.alarms(self._me.address))
        self.alarms = Counter(NOSPACE=0, CORRUPT=0)
        self.alarms.update(raised)
        if self.alarms["CORRUPT"]:
            raise UnhealthyError("alarm CORRUPT is raised: a member's data is damaged")
        return bool(self.alarms["NOSPACE"])

    def _members(self, *, spare: bool = False) -> dict[str, Status]:
        """By address, the leader last; the durable learner only while it keeps up. Raises unless
        all are healthy and this one leads them.

        `spare`: whoever else is not healthy may be so for the rest of this run, if a quorum is. At
        the quota nothing is written until the files shrink, and one that is away may be so for
        days. A member that defragments goes on storing and confirming the log, so the quorum
        stays. Who was away and is too large raises the alarm again when it is back.
        """
        own = self._client.status(self._me.address)
        if own.leader != own.member_id:
            raise UnhealthyError("another member leads now")
        found = {}
        listed = self._client.members(self._me.address)
        for member in listed:
            address = address_of(member)
            try:
                found[address] = self._in_sync(member, own)
            except (EtcdError, UnhealthyError) as error:
                # A dead durable learner must not keep the cluster from getting its space back.
                if address == self._me.learner:
                    continue
                if address == self._me.address or not (spare or address in self._away):
                    raise
                self._away[address] = error
        voters = {address_of(member) for member in listed if not member.is_learner}
        if len(voters & found.keys()) <= len(voters) // 2:
            raise self._absence()
        return dict(sorted(found.items(), key=lambda item: item[1].member_id == own.member_id))

    def _absence(self) -> UnhealthyError:
        return UnhealthyError("; ".join(map(str, self._away.values())))

    def _in_sync(self, member: Member, leader: Status) -> Status:
        """Raises EtcdError or UnhealthyError unless it is healthy and follows closely."""
        address = address_of(member)
        if not member.name:
            raise UnhealthyError(f"the member at {address} has never started")
        self._client.check_health(address, learner=member.is_learner, full=True)
        status = self._client.status(address)
        if (behind := leader.applied - status.applied) > _IN_SYNC:
            raise UnhealthyError(f"member {member.name} is {behind} entries behind")
        return status

    def _compact(self, now: float) -> None:
        revision = self._memory.old_revision(now)
        if revision is None:
            say("care: there is little space, but no revision that is known to be old enough")
            return
        try:
            # What one commit frees counts as free a commit later, or two if a reader's transaction
            # has not ended in between. At the quota nobody else writes, so without the others a
            # member's file would seem to be full for ever.
            for each in range(revision - _MORE_COMMITS, revision + 1):
                self._client.compact(self._me.address, each)
        except EtcdError as error:
            # By an apiserver, which is as good.
            if "has been compacted" not in str(error):
                raise
            return
        say(f"care: compacted to revision {revision}")
        self._memory.done["compactions"] += 1

    def _defragment(self, members: dict[str, Status], full: bool) -> None:
        """Each member once at most."""
        done: set[str] = set()
        while due := [at for at in members if at not in done and pays(members[at], full)]:
            address = due[0]
            before = members[address].size
            self._client.defragment(address)
            done.add(address)
            self._memory.done["defragmentations"] += 1
            members = self._settled()
            if address in members:
                after = members[address].size
                say(f"care: defragmented {address}: {before >> 20} MiB before, {after >> 20} after")

    def _settled(self) -> dict[str, Status]:
        """The members, once all are healthy and in sync again."""
        deadline = time.monotonic() + _SETTLED_SECONDS
        while True:
            try:
                return self._members()
            except (EtcdError, UnhealthyError):
                if time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE_SECONDS)

    def _disarm(self) -> None:
        for address, status in self._members().items():
            if status.size > _NEAR_QUOTA * status.quota:
                raise UnhealthyError(
                    f"NOSPACE stays, since {address} has {status.size >> 20} MiB on disk and "
                    f"{status.in_use >> 20} in use, of {status.quota >> 20}"
                )
        for alarm in self._client.alarms(self._me.address):
            if alarm.kind == "NOSPACE":
                self._client.disarm(self._me.address, alarm)
                say(f"care: there is space again, so member {alarm.member_id:x}'s alarm ends")
                self._memory.done["alarms_disarmed"] += 1


def samples(care: Care, memory: Memory) -> Sequence[Sample]:
    """For Prometheus: sums since the machine booted, alarms of now, and when care last came to
    its end."""
    sums = ("compactions", "defragmentations", "alarms_disarmed")
    return [
        *(Sample(f"kilonode_etcd_care_{each}_total", memory.done[each]) for each in sums),
        *(
            Sample("kilonode_etcd_alarms", number, {"alarm": kind})
            for kind, number in care.alarms.items()
        ),
        Sample("kilonode_etcd_care_last_run_timestamp_seconds", memory.ended),
    ]


def main() -> None:
    metrics.write("certificates", certificates.samples(PKI))
    me = this_member(environment())
    memory = care_memory.load(MEMORY)
    care = Care(Client(me.client_port, PKI), me, memory)
    try:
        care.run(time.monotonic())
        memory.ended = time.time()
    except (EtcdError, UnhealthyError) as error:
        say(f"care: {error}")
    finally:
        care_memory.save(memory, MEMORY)
    metrics.write("care", samples(care, memory))


if __name__ == "__main__":
    main()
