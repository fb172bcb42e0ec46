"""Starts etcd again once the birth record names another cluster than the one it is a member of.

After a restore, a member that still runs would never look for itself. It has no quorum then, as a
restore is only made where that is lost; but members of the older cluster that were away meanwhile,
and came back while the store did not answer, may have found one. With this, not for long.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from kilonode.etcd import birth_record, data_dir
from kilonode.etcd.client import Client, EtcdError
from kilonode.etcd.data_dir import DATA
from kilonode.etcd.decision import Record
from kilonode.etcd.this_member import PKI, ThisMember, this_member
from kilonode.machine import environment, say


def is_over(client: Client, me: ThisMember, container: str, data: Path) -> bool:
    """Whether this machine's etcd is of a cluster whose place another took."""
    record = birth_record.read(container)
    if not isinstance(record, Record):
        return False
    try:
        return record.cluster_id != client.status(me.address).cluster_id
    except EtcdError:
        # A learner that was started again without a leader serves nobody.
        known = data_dir.read(data)
        return known is not None and record.cluster_id != known.cluster_id


def main() -> None:
    parameters = environment()
    me = this_member(parameters)
    if is_over(Client(me.client_port, PKI), me, parameters["BLOB_CONTAINER_URL"], DATA):
        say("another cluster took the place of this member's: starting etcd again")
        # Only where it runs: a restore on this machine has stopped it, and starts it itself.
        subprocess.run(["systemctl", "try-restart", "--no-block", "etcd.service"], check=True)


if __name__ == "__main__":
    main()
