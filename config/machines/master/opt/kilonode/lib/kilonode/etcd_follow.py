"""Restarts this master's apiserver when etcd has members that it does not know.

An apiserver keeps the members that it started with. Once all of those had been replaced by others,
it would be without etcd while etcd is well. Members that left do it no harm, so they are no reason.
"""

from __future__ import annotations

import sys

from kilonode.etcd_endpoints import unknown_to_the_apiserver
from kilonode.etcdctl import MAIN
from kilonode.machine import environment, say

# Held by one master at a time, until its apiserver is ready again; etcd takes it from the dead.
_LOCK = "kilonode/apiserver-restart"
_RESTART = "/opt/kilonode/bin/restart-apiserver"


def main() -> None:
    unknown = unknown_to_the_apiserver()
    if not unknown:
        return
    say(f"the apiserver does not know {', '.join(unknown)}: restarting it when it is our turn")
    ended = MAIN.ask(environment()["ETCD_CANDIDATES"].split(), "lock", _LOCK, _RESTART)
    if ended.returncode:
        sys.exit(f"the apiserver was not restarted: {ended.stderr.decode().strip()}")


if __name__ == "__main__":
    main()
