"""Starts etcd again once the birth record names another cluster than the one it is a member of.

After a restore, a member that still runs would never look for itself. It has no quorum then, as a
restore is only made where that is lost; but members of the older cluster that were away meanwhile,
and came back while the store did not answer, may have found one. With this, not for long.
"""

from __future__ import annotations

import subprocess

from kilonode.etcd import birth_record
from kilonode.etcd.client import Client, EtcdError
from kilonode.etcd.decision import Record
from kilonode.etcd.this_member import PKI, ThisMember, this_member
from kilonode.machine import environment, say


def is_over(client: Client, me: ThisMember, container: str) -> bool:
    """Whether this machine's etcd is of a cluster whose place another took.

    Raises EtcdError if it does not answer: it looks at the record itself before it starts.
    """
    record = birth_record.read(container)
    own = client.status(me.address).cluster_id
    return isinstance(record, Record) and record.cluster_id != own


def main() -> None:
    parameters = environment()
    me = this_member(parameters)
    try:
        over = is_over(Client(me.client_port, PKI), me, parameters["BLOB_CONTAINER_URL"])
    except EtcdError:
        return
    if over:
        say("another cluster took the place of this member's: starting etcd again")
        subprocess.run(["systemctl", "restart", "--no-block", "etcd.service"], check=True)


if __name__ == "__main__":
    main()
