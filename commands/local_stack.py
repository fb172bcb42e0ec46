"""The local stack: its engine, and what brings an interrupted run of it to its end."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commands import mirror
from commands.engine import Engine
from commands.tools import toolchain
from config.settings import load, raw_settings
from config.stack_file import configuration
from local_azure import fabric, paths

STATE = paths.state()
RUN = paths.RUN
KUBECONFIG = STATE / "kubeconfig"


def in_fabric(*command: str) -> list[str]:
    """`command` inside the fabric's network namespace, where the cluster's addresses are."""
    return ["ip", "netns", "exec", fabric.NAMESPACE, *command]


@contextmanager
def exclusive() -> Iterator[None]:
    """Hold the local stack alone: two runs at once would fight over machines and engine state.

    Every process that is started from here on is marked as ours.
    """
    os.environ[paths.MARK] = str(os.getpid())
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"kilonode: another `make up` or `make down` holds {handle.name}; wait for it")
        yield


def attached_engine() -> Engine:
    """The engine of the local stack, attached to the running local Azure.

    It runs in a PID namespace that ends with it, and with this process: a killed engine otherwise
    leaves its language host and the program behind.
    """
    enter = in_fabric("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    return Engine(
        stack="local",
        home=STATE / "pulumi",
        path=[Path(toolchain("bin"))],
        plugins=json.loads((RUN / "ports.json").read_text()),
        prefix=["setpriv", "--pdeathsig=KILL", *enter],
    )


def built_here() -> dict[str, Any]:
    """Stack configuration of what this machine built, and the mirror that machines fetch it from.

    Binaries built from source differ from the official releases, whose checksums stand in
    config/artifacts.yaml; so do images, whose digests stand in the stack's file.
    """
    entries = dict(configuration("local"))
    own = {tag: digest for tag, (_, digest) in mirror.images().own.items()}
    entries["kilonode:nodePools"] = pools = {
        key: {**pool, "preload": [_built(image, own) for image in pool.get("preload", ())]}
        for key, pool in entries["kilonode:nodePools"].items()
    }
    checksums = mirror.lay_out(load(raw_settings(entries)), STATE / "mirror")
    return {"kilonode:artifacts": {"checksums": checksums}, "kilonode:nodePools": pools}


def _built(image: str, own: Mapping[str, str]) -> str:
    tag, _, digest = image.partition("@")
    return f"{tag}@{own.get(tag, digest)}"
