"""D7: what an administrator waits for while clients on every node list events: with our flows, with
Kubernetes' own alone, and with these and no watch cache.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks.api_client import Client, RefusedError
from benchmarks.row import Row
from tests.api.control_plane import ControlPlane, eventually
from tests.etcd.losses.load import quantile

EVENTS = 2000
# 500 clients that list every 10 s, all in one flow as a DaemonSet's pods are.
LISTS_A_SECOND = 50
SECONDS = 15.0
RATIO_AIM = 2.0
# As prod's masters have, whose 20 cores take 800 and 400 at once by the preset large: fairness
# divides these, and more than the processors can bear protect nobody.
READS_A_CORE, WRITES_A_CORE = 40, 20
# Each arm comes first and last once.
ORDER = ("ours", "without", "without", "ours")

_THREADS = 50
_TOO_MANY = 429
_EVENTS_PATH = "/api/v1/namespaces/default/events"
_ACCOUNT = "system:serviceaccount:default:agent"
# By which Kubernetes' own flows know one.
_ACCOUNTS = "system:serviceaccounts"
_FLOWS = "/etc/kilonode/manifests/fairness.yaml"


def run(programs: Path) -> list[Row]:
    """programs: folder of etcd, kube-apiserver and kubectl."""
    with _started(programs) as control_plane:
        seconds = _arms(control_plane, ORDER)
    with _started(programs, "--watch-cache=false") as control_plane:
        bare = _arms(control_plane, ("without", "without"))["without"]
    what = (
        f"p99 of an administrator's GET while {LISTS_A_SECOND} LISTs of {EVENTS:,} events begin "
        "every second (D7), with our flows against"
    )
    return [
        _row(f"{what} Kubernetes' own", seconds["ours"], seconds["without"]),
        _row(f"{what} these and no watch cache", seconds["ours"], bare),
    ]


def _row(what: str, ours: list[float], others: list[float]) -> Row:
    p99, other = quantile(ours, 0.99), quantile(others, 0.99)
    return Row(
        what,
        f"{p99 * 1000:.0f} ms",
        f"{other * 1000:.0f} ms",
        f"{other / p99:.1f} times",
        f"≥ {RATIO_AIM:.0f} times",
        other / p99 >= RATIO_AIM,
    )


@contextmanager
def _started(programs: Path, *flags: str) -> Iterator[ControlPlane]:
    """flags: further ones of the apiserver."""
    cores = os.cpu_count() or 1
    seats = (
        f"--max-requests-inflight={READS_A_CORE * cores}",
        f"--max-mutating-requests-inflight={WRITES_A_CORE * cores}",
    )
    changes = {"extraArgs": {"kube-apiserver": [*seats, *flags]}}
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as scratch:
        control_plane = ControlPlane(Path(scratch), programs, changes=changes)
        try:
            control_plane.start()
            yield control_plane
        finally:
            control_plane.end()


def _arms(control_plane: ControlPlane, order: Sequence[str]) -> dict[str, list[float]]:
    api = control_plane.api
    administrator = Client(control_plane.address, api.kubeconfig)
    agent = control_plane.user(_ACCOUNT, _ACCOUNTS).kubeconfig
    api.kubectl("create", "clusterrole", "agent", "--verb=list", "--resource=events")
    api.kubectl(
        "create", "clusterrolebinding", "agent", "--clusterrole=agent", f"--user={_ACCOUNT}"
    )
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda number: _tell(administrator, number), range(EVENTS)))
    # Apiservers count once a minute, and take a LIST of what they have not counted for a small one.
    counted = f'apiserver_storage_objects{{resource="events"}} {EVENTS}'
    eventually(lambda: counted in api.kubectl("get", "--raw=/metrics"), "the events are counted")
    flows = f"--filename={control_plane.master.path(_FLOWS)}"
    seconds: dict[str, list[float]] = {arm: [] for arm in order}
    for arm in order:
        api.kubectl("apply" if arm == "ours" else "delete", flows, *_how(arm))
        # Apiservers look for new flows every second.
        time.sleep(3)
        with _storm(control_plane.address, agent):
            end = time.monotonic() + SECONDS
            while (start := time.monotonic()) < end:
                administrator.raw("GET", "/api/v1/namespaces/default")
                seconds[arm].append(time.monotonic() - start)
    return seconds


def _how(arm: str) -> tuple[str, ...]:
    return ("--server-side", "--force-conflicts") if arm == "ours" else ("--ignore-not-found",)


def _tell(client: Client, number: int) -> None:
    event = {
        "metadata": {"name": f"event-{number}"},
        "involvedObject": {"kind": "Node", "name": "none", "namespace": "default"},
        "message": "x" * 500,
    }
    client.send("POST", _EVENTS_PATH, event)


@contextmanager
def _storm(address: str, kubeconfig: Path) -> Iterator[None]:
    """In a process of its own, so that who measures does not wait for who storms."""
    context = multiprocessing.get_context("spawn")
    begun, over = context.Event(), context.Event()
    process = context.Process(target=_blow, args=(address, kubeconfig, begun, over))
    process.start()
    try:
        while not begun.wait(1):
            assert process.is_alive(), "the storm ended before a LIST was answered"
        yield
    finally:
        over.set()
        process.join()
    assert process.exitcode == 0, "the storm ended with an error"


def _blow(address: str, kubeconfig: Path, begun: Event, over: Event) -> None:
    """So many LISTs begin a second, as long as threads are left that wait for no answer."""
    agent = Client(address, kubeconfig)

    def list_again_and_again(place: int) -> None:
        over.wait(place / LISTS_A_SECOND)
        while not over.is_set():
            start = time.monotonic()
            try:
                agent.raw("GET", _EVENTS_PATH)
                begun.set()
            except RefusedError as error:
                if error.status != _TOO_MANY:
                    raise
            over.wait(max(0.0, _THREADS / LISTS_A_SECOND - (time.monotonic() - start)))

    with ThreadPoolExecutor(_THREADS) as pool:
        for thread in [pool.submit(list_again_and_again, place) for place in range(_THREADS)]:
            thread.result()
