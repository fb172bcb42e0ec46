"""Waits until this machine's etcd member works, and with it the whole cluster.

Run by the deployment after the machine was made: exit code 0 lets it go on to the next one.
"""

from __future__ import annotations

import sys
import time

from kilonode import units
from kilonode.etcd.client import Client, EtcdError, address_of
from kilonode.etcd.decision import agreed
from kilonode.etcd.health import UnhealthyError, check_members
from kilonode.etcd.this_member import PKI, ThisMember, this_member
from kilonode.machine import Journal, environment

# A first boot may wait a quarter of an hour for its rights on the vault, a learner for its data.
_PATIENCE_SECONDS = 1500.0
_PAUSE_SECONDS = 2.0
# What a busy cluster writes in a fraction of a second, and a learner gets in its next messages.
_IN_SYNC_ENTRIES = 1000
# etcd.service is active once its etcd is up and, on the founder, nothing can be founded again.
_UNITS = ("local-disk.service", "artifacts.service", "bundle.service", "etcd.service")
# Those who are not declared any more leave after all gates, so a dead one of them closes this one.
_GONE = "if the settings do not name it any more: docs/operations.md, A dead member has to leave"
_EXPLAINING = (*_UNITS, "etcd-member.service", "etcd-promote.service")


def check_cluster(client: Client, me: ThisMember) -> None:
    """Raises EtcdError or UnhealthyError, whose text is the reason not to go on."""
    if me.learns:
        _check_learner(client, me)
    else:
        _check_voter(client, me)


def _check_voter(client: Client, me: ThisMember) -> None:
    own_id = client.own_id(me.address)
    try:
        members = client.members(me.address)
    except EtcdError as error:
        # Not even answered by a learner.
        raise UnhealthyError(f"this member is no voter yet, or has no leader ({error})") from error
    own = next((member for member in members if member.id == own_id), None)
    if not own or own.is_learner:
        raise UnhealthyError("this member is no voter yet")
    # Not the durable learner: it has a gate of its own, and a dead one must stop nobody else.
    try:
        check_members(client, [each for each in members if address_of(each) != me.learner])
    except UnhealthyError as error:
        raise UnhealthyError(f"{error} ({_GONE})") from error


def _check_learner(client: Client, me: ThisMember) -> None:
    """It may not read with the quorum, so how far it got is compared with the leader."""
    own = client.status(me.address)
    current = agreed(client.answers(me.peers))
    if not current:
        raise UnhealthyError("no member confirms the member list")
    if own.member_id not in {member.id for member in current.members}:
        raise UnhealthyError("this member is not in the cluster any more")
    leader = next((member for member in current.members if member.id == own.leader), None)
    if not leader:
        raise UnhealthyError("this member follows no leader")
    # The leader first: what it writes meanwhile does not count.
    goal = client.status(address_of(leader)).applied
    behind = goal - client.status(me.address).applied
    if behind > _IN_SYNC_ENTRIES:
        raise UnhealthyError(f"this member is {behind} entries behind its leader")
    check_members(client, current.members)


def reason_to_wait(me: ThisMember) -> str | None:
    """None if the gate is open. Raises units.FailedError if waiting is in vain."""
    if blocked := units.first_inactive(_UNITS):
        return blocked
    try:
        check_cluster(Client(me.client_port, PKI), me)
    except (EtcdError, UnhealthyError) as error:
        return str(error)
    return None


def main() -> None:
    me = this_member(environment())
    journal = Journal()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    # Whoever asks the gate again has mended something meanwhile.
    units.try_again()
    try:
        while reason := reason_to_wait(me):
            if time.monotonic() > deadline:
                sys.exit(f"gate: closed, since {reason}\n{units.last_lines(_EXPLAINING)}")
            journal.say(f"gate: {reason}")
            time.sleep(_PAUSE_SECONDS)
    except units.FailedError as error:
        sys.exit(f"gate: closed, since {error}")
    kind = "learner in sync" if me.learns else "voter"
    journal.say(f"gate: open: {me.name} is a {kind}, and all members are healthy")


if __name__ == "__main__":
    main()
