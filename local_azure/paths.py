"""Where the local Azure keeps what it knows, so that `down` finds everything that is ours."""

from __future__ import annotations

import os
from pathlib import Path

from toolchain.options import cache_root

# Process ids, sockets and locks: gone with a reboot of the host, as what they stand for.
RUN = Path("/run/kilonode")
# A variable in the environment of every process that `make up` and `make down` start, and of those
# that these start: what of them is still there can be told from everybody else's.
MARK = "KILONODE_STARTED_BY"


def state() -> Path:
    """The root of all that outlives a reboot of the host."""
    return Path(os.environ.get("KILONODE_STATE", "/var/lib/kilonode/local"))


def cache() -> Path:
    """The root of what can be made again: base images, the toolchain."""
    return cache_root()
