"""Takes the members that are not declared any more out of the cluster, before their machines go.

    etcd-leave NAME…

Run on a member that stays, with the names of all that are declared. One leaves after the other,
each only while all that stay are healthy, so that their quorum is never in doubt.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Collection, Sequence

from kilonode import web
from kilonode.etcd import snapshot
from kilonode.etcd.client import EtcdError, address_of
from kilonode.etcd.decision import Declared, Member
from kilonode.etcd.declared import Declaration
from kilonode.etcd.health import UnhealthyError, check_members
from kilonode.etcd.snapshot import SnapshotError, Workshop
from kilonode.etcd.this_member import ThisMember, this_member
from kilonode.machine import Journal, environment

# An election, or a member that joins, is over by then; the run command that asks has an hour.
_PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 2.0


class NamesError(Exception):
    """Members would leave that are to stay."""


def is_declared(member: Member, names: Collection[str], declared: Declared) -> bool:
    """A member that has never started has no name yet, so its address tells."""
    addresses = {*declared.voters.values(), *declared.learners.values()}
    return member.name in names if member.name else address_of(member) in addresses


def next_to_leave(leaving: Sequence[Member], leader: int) -> Member:
    """The leader last: without it, writes would wait for an election."""
    return min(leaving, key=lambda member: (not member.is_learner, member.id == leader, member.id))


class Leave:
    """Makes all leave that are not declared."""

    def __init__(self, me: ThisMember, names: Collection[str], workshop: Workshop) -> None:
        self._me, self._names, self._workshop = me, names, workshop
        self._client = workshop.client
        self._saved_from: Sequence[Member] = ()

    def step(self, declared: Declared) -> Member | None:
        """Who left; None if all that are left are declared, and healthy.

        Raises EtcdError, UnhealthyError, SnapshotError or one of web.ERRORS with the reason why
        nobody may leave now; NamesError if the names are not those of the declared.
        """
        known = {*declared.voters, *declared.learners}
        if wrong := known ^ set(self._names):
            raise NamesError(
                f"name all that are declared, and no others: {' '.join(sorted(known))} "
                f"(wrong or missing: {' '.join(sorted(wrong))})"
            )
        members = self._client.members(self._me.address)
        staying = [each for each in members if is_declared(each, self._names, declared)]
        # A dead durable learner is in nobody's quorum.
        counting = [each for each in staying if address_of(each) != self._me.learner]
        check_members(self._client, counting)
        leaving = [each for each in members if each not in staying]
        if not leaving:
            return None
        if members != self._saved_from:
            snapshot.take(self._me.address, self._workshop, reason="leave")
            self._saved_from = members
        leader = self._client.status(self._me.address).leader
        member = next_to_leave(leaving, leader)
        if member.id == leader:
            heir = next(each for each in staying if not each.is_learner)
            self._client.hand_over(address_of(member), heir.id)
        self._client.remove(self._me.address, member.id)
        return member


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="of a declared member")
    names = parser.parse_args().names
    parameters = environment()
    me = this_member(parameters)
    if me.name not in names:
        sys.exit(f"etcd-leave: {me.name} is to leave itself: run this on a member that stays")
    leave = Leave(me, names, snapshot.workshop(me, parameters))
    declaration = Declaration(parameters)
    journal = Journal()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            left = leave.step(declaration.look_up())
        except NamesError as error:
            sys.exit(f"etcd-leave: {error}")
        except (EtcdError, UnhealthyError, SnapshotError, *web.ERRORS) as error:
            if time.monotonic() > deadline:
                sys.exit(f"etcd-leave: {error}")
            journal.say(f"etcd-leave: {error}")
            time.sleep(_PAUSE_SECONDS)
            continue
        if not left:
            break
        journal.say(f"etcd-leave: {left.name or f'{left.id:x}'} left the cluster")
    journal.say("etcd-leave: all members are declared and healthy")


if __name__ == "__main__":
    main()
