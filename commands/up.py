"""make up: from a fresh machine to a Kubernetes cluster whose nodes are Ready.

Safe to interrupt at any point and to run again: every step looks at what is there. Further
options are `pulumi up`'s own: make up ARGS="--replace **local-master-a-vm".
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from commands.local_stack import (
    KUBECONFIG,
    STATE,
    attached_engine,
    built_here,
    exclusive,
    in_fabric,
)
from commands.recovery import recover
from commands.tools import toolchain
from config.user_data import decode
from local_azure.arm.store import Store
from local_azure.machines.spec import Spec, machines

NODES_READY_SECONDS = 300
_POLL_SECONDS = 2
_KUBELET = "/etc/systemd/system/kubelet.service"


class PhaseError(Exception):
    """A phase that a program's failure ended; what the program said is on the screen."""


@contextmanager
def phase(name: str) -> Iterator[None]:
    print(f"kilonode: {name} …", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        yield
    except subprocess.CalledProcessError as error:
        raise PhaseError(name) from error
    print(f"kilonode: {name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def local_azure(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "local_azure", *arguments], check=True)


def nodes(specs: Sequence[Spec]) -> set[str]:
    """The machines that run a kubelet: what their user data brings them says so.

    One that a person booted from a file has no resource, and is none of the cluster's.
    """
    return {
        spec.name
        for spec in specs
        if spec.resource and spec.power == "running" and _KUBELET in decode(spec.custom_data)
    }


def wait_for_nodes() -> None:
    """Every machine that runs a kubelet has joined and is Ready. Raises CalledProcessError."""
    kubectl = in_fabric(f"{toolchain('bin')}/kubectl", f"--kubeconfig={KUBECONFIG}")
    names = sorted(f"node/{name}" for name in nodes(machines()))
    deadline = time.monotonic() + NODES_READY_SECONDS
    # `kubectl wait` is for what is there, and a node is there when its kubelet has joined.
    while subprocess.run([*kubectl, "get", *names], capture_output=True).returncode:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    ready = ["wait", "--for=condition=Ready", *names, f"--timeout={NODES_READY_SECONDS}s"]
    subprocess.run([*kubectl, *ready], check=True, stdout=sys.stderr)


def up(options: Sequence[str]) -> None:
    with phase("requirements"):
        local_azure("check", "--install")
    with exclusive():
        with phase("toolchain"):
            toolchain("ensure", "up")
        with phase("machine image"):
            local_azure("image")
        with phase("mirror"):
            built = built_here()
        with phase("local Azure"):
            local_azure("up-daemon")
        engine = attached_engine()
        with phase("cluster"):
            engine.prepare(built)
            recover(engine, Store(STATE / "azure"))
            engine.run("up", "--yes", "--skip-preview", *options)
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
        up(sys.argv[1:])
    except PhaseError as error:
        sys.exit(f"kilonode: {error} failed; `make up` goes on from here")


if __name__ == "__main__":
    main()
