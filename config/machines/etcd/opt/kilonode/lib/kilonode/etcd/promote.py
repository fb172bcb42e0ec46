"""Makes this machine's learner a voter once it is in sync."""

from __future__ import annotations

import sys
import time

from kilonode.etcd.client import Client, EtcdError
from kilonode.etcd.decision import agreed
from kilonode.etcd.this_member import PKI, ThisMember, this_member
from kilonode.machine import Journal, environment, say

# The snapshot of a full data directory (8 GiB) takes minutes to send.
_PATIENCE_SECONDS = 1800.0
_PAUSE_SECONDS = 1.0
# Kubernetes counts its compactions by it. An apiserver that knew the key and finds none, in a
# cluster that began anew, ends in a panic (k8s.io/apiserver 0.36.3, Compact of
# pkg/storage/etcd3/compact.go).
COMPACTIONS = "compact_rev_key"


def promoted(client: Client, me: ThisMember) -> bool:
    """True if this member is a voter. Else asks for it; raises EtcdError if it is not time yet."""
    own_id = client.own_id(me.address)
    current = agreed(client.answers((me.address, *me.peers)))
    if not current:
        raise EtcdError("no member confirms the member list")
    own = next((member for member in current.members if member.id == own_id), None)
    if not own:
        raise EtcdError(f"member {own_id:x} is not in the cluster any more")
    if own.is_learner:
        client.promote(current.address, own_id)
    return not own.is_learner


def main() -> None:
    parameters = environment()
    me = this_member(parameters)
    if me.learns:
        say("this member is declared a learner, and stays one")
        return
    client = Client(me.client_port, PKI)
    journal = Journal()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if promoted(client, me):
                if parameters["ETCD_ALL_LOST"] == "reinitialise":
                    client.put_if_absent(me.address, COMPACTIONS, "0")
                journal.say("this member is a voter")
                return
        except EtcdError as error:
            journal.say(f"not a voter yet: {error}")
        time.sleep(_PAUSE_SECONDS)
    sys.exit("this member is still no voter")


if __name__ == "__main__":
    main()
