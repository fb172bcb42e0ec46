"""Whether an etcd cluster works, by the word of its members."""

from __future__ import annotations

from collections.abc import Iterable

from kilonode.etcd.client import Client, EtcdError, address_of
from kilonode.etcd.decision import Member


class UnhealthyError(Exception):
    """The text says what is wrong."""


def check_members(client: Client, members: Iterable[Member]) -> None:
    """Raises UnhealthyError unless all have started, are healthy over TLS, and raise no alarm."""
    for member in members:
        address = address_of(member)
        if not member.name:
            raise UnhealthyError(f"the member at {address} has never started")
        try:
            client.check_health(address, learner=member.is_learner)
            # Any member knows the alarms of all, but not a learner.
            alarms = [] if member.is_learner else client.alarms(address)
        except EtcdError as error:
            raise UnhealthyError(f"member {member.name}: {error}") from error
        if alarms:
            raise UnhealthyError(f"alarms are raised: {', '.join(alarm.kind for alarm in alarms)}")
