"""make up: from a fresh machine to a Kubernetes cluster whose nodes are Ready.

Safe to interrupt at any point and to run again: every step looks at what is there.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from commands.local_stack import (
    KUBECONFIG,
    STATE,
    attached_engine,
    built_checksums,
    exclusive,
    in_fabric,
    toolchain,
)
from commands.recovery import recover
from local_azure.arm.store import Store

NODES_READY_SECONDS = 300


@contextmanager
def phase(name: str) -> Iterator[None]:
    print(f"kilonode: {name} …", file=sys.stderr, flush=True)
    start = time.monotonic()
    yield
    print(f"kilonode: {name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def local_azure(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "local_azure", *arguments], check=True)


def wait_for_nodes() -> None:
    """Every machine that runs a kubelet has joined and is Ready. Raises CalledProcessError."""
    subprocess.run(
        in_fabric(
            f"{toolchain('bin')}/kubectl",
            f"--kubeconfig={KUBECONFIG}",
            "wait",
            "--for=condition=Ready",
            "nodes",
            "--all",
            f"--timeout={NODES_READY_SECONDS}s",
        ),
        check=True,
        stdout=sys.stderr,
    )


def up() -> None:
    with phase("requirements"):
        local_azure("check", "--install")
    with exclusive():
        with phase("toolchain"):
            toolchain("ensure", "up")
        with phase("machine image"):
            local_azure("image")
        with phase("local Azure"):
            local_azure("up-daemon")
        engine = attached_engine()
        with phase("cluster"):
            engine.prepare(built_checksums())
            recover(engine, Store(STATE / "azure"))
            engine.run("up", "--yes", "--skip-preview")
        with phase("nodes Ready"):
            KUBECONFIG.touch(mode=0o600)
            KUBECONFIG.write_text(engine.read("stack", "output", "kubeconfig", "--show-secrets"))
            wait_for_nodes()
    print(
        "kilonode: the cluster is up.\n"
        '  make kubectl ARGS="get nodes -o wide"\n'
        "  commands/run local_azure machines list\n"
        "  make down"
    )


def main() -> None:
    try:
        up()
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"kilonode: {' '.join(map(str, error.cmd[:6]))} … failed; `make up` goes on from here"
        )


if __name__ == "__main__":
    main()
