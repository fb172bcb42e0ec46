"""Whether another etcd cluster may be touched at all: run before the first of its machines is
deleted, on a machine that is not one of them.

A cluster that works passes; so does one that is not born yet. A sick one stops the deployment.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from kilonode.etcd import birth_record
from kilonode.etcd.client import Client
from kilonode.etcd.decision import Record, Unreadable
from kilonode.etcd.health import UnhealthyError, check_members
from kilonode.etcd.this_member import PKI
from kilonode.machine import Journal

# An election or a restart is over by then, and rights on the record have arrived.
# The run command that asks has 600 s.
_PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 2.0


def check(client: Client, addresses: Sequence[str], container: str | None) -> str:
    """What was found, if the cluster may be touched. Raises UnhealthyError with the reason if not.

    container: where the cluster's birth record would be, for when no member answers.
    """
    answers = client.answers(addresses)
    current = next((answer for answer in answers if answer.agreed), None)
    if current:
        check_members(client, current.members)
        return f"all {len(current.members)} members are healthy"
    if answers:
        raise UnhealthyError("members answer, but without a leader")
    match birth_record.read(container) if container else None:
        case Record():
            raise UnhealthyError("the cluster was born, but none of its members answers")
        case Unreadable(reason):
            raise UnhealthyError(f"no member answers, and the birth record is unreadable: {reason}")
    return "no member answers, so there is nothing to lose yet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--container", metavar="URL", help="Blob container with its birth record")
    parser.add_argument("port", type=int, help="its members' client port")
    parser.add_argument("addresses", nargs="+", help="every address that a member can have")
    arguments = parser.parse_args()
    client = Client(arguments.port, PKI)
    journal = Journal()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            found = check(client, arguments.addresses, arguments.container)
        except UnhealthyError as error:
            if time.monotonic() > deadline:
                sys.exit(f"preflight: {error}")
            journal.say(f"preflight: {error}")
            time.sleep(_PAUSE_SECONDS)
        else:
            journal.say(f"preflight: {found}")
            return


if __name__ == "__main__":
    main()
