"""D3: puts to the main etcd during a storm of events, with the events in it and in an etcd of their
own.

The storm goes through a real kube-apiserver. Main's etcd has a machine to itself in a real cluster,
so in both arms its process, its disk and who measures it go before all others on this one.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.priority import go_first
from benchmarks.row import Row
from tests.etcd.authority import Authority
from tests.etcd.losses.load import Load, quantile
from tests.etcd.losses.machines import Cluster, cluster
from tests.etcd.machine import eventually
from tests.unit.blob_store import azure

SECONDS = 20.0
STORM_AIM = 1000.0
RATIO_AIM = 5.0
# A little more than the aim, since the storm waits for answers.
STORM_RATE = 1300
PUT_RATE = 50
API_PORT = 6443
# A local SSD's (D2).
SYNC_DELAY = "200us"


@dataclass(frozen=True)
class Storm:
    """p99: seconds. events: a second. grown: bytes of main's database."""

    p99: float
    events: float
    grown: int

    def __str__(self) -> str:
        return (
            f"{self.p99 * 1000:.1f} ms at {self.events:.0f} events/s, "
            f"database + {self.grown / 1e6:.1f} MB"
        )


def run(programs: Path, apiserver: Path) -> list[Row]:
    """programs: folder of etcd, etcd-load and fallible-disk. Needs root."""
    shared, split = (storm(programs, apiserver, split=split) for split in (False, True))
    ratio = shared.p99 / split.p99
    return [
        Row(
            "p99 of main's puts in a storm of events that are split off (D3), against shared",
            str(split),
            str(shared),
            f"{ratio:.1f} times",
            f"≥ {RATIO_AIM:.0f} times at ≥ {STORM_AIM:.0f} events/s",
            ratio >= RATIO_AIM and min(shared.events, split.events) >= STORM_AIM,
        )
    ]


def storm(programs: Path, apiserver: Path, *, split: bool) -> Storm:
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kilonode-bench-")))
        _, url = stack.enter_context(azure())
        authority = Authority()

        def etcd(name: str) -> Cluster:
            folder, container = scratch / name, f"{url}/{name}"
            return stack.enter_context(
                cluster(1, folder, programs, container, sync_delay=SYNC_DELAY, authority=authority)
            )

        main = etcd("main")
        events = etcd("events") if split else None
        api = stack.enter_context(serving_api(apiserver, main, events, scratch / "api.log"))
        go_first(main.machines[0].processes())
        load = Load(main.target, scratch / "history", prefix="bench/")
        with load.running("--keys=0", "--clients=4", f"--rate={PUT_RATE}") as process:
            go_first([process])
            load.goes_on(PUT_RATE)
            size, start = main.machines[0].status()["dbSize"], time.time()
            told = blow(programs, api, main.target.pki)
            end, grown = time.time(), main.machines[0].status()["dbSize"] - size
        puts = [put for put in load.operations() if start <= put.called and put.returned <= end]
        assert all(put.acknowledged for put in puts)
        p99 = quantile([put.seconds for put in puts], 0.99)
        return Storm(p99, told["made"] / told["seconds"], grown)


def blow(programs: Path, api: str, pki: Path) -> dict[str, Any]:
    """A storm on the API at this URL: events made, refused, and in which seconds."""
    command = [str(programs / "etcd-load"), "storm", f"--server={api}", f"--pki={pki}"]
    command.append(f"--rate={STORM_RATE}")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        time.sleep(SECONDS)
        process.stdin.close()
        told: dict[str, Any] = json.loads(process.stdout.read())
    assert not told["refused"], told["error"]
    return told


@contextmanager
def serving_api(apiserver: Path, main: Cluster, events: Cluster | None, log: Path) -> Iterator[str]:
    """A kube-apiserver on these, at the URL that it gives."""
    me, pki = main.machines[0].machine.me, main.target.pki
    command = [
        *(str(apiserver), f"--bind-address={me.address}", f"--secure-port={API_PORT}"),
        *(f"--tls-cert-file={pki}/member.crt", f"--tls-private-key-file={pki}/member.key"),
        *(f"--client-ca-file={pki}/ca.crt", "--authorization-mode=AlwaysAllow"),
        *(f"--etcd-servers={main.target.endpoints[0]}", f"--etcd-cafile={pki}/ca.crt"),
        *(f"--etcd-certfile={pki}/member.crt", f"--etcd-keyfile={pki}/member.key"),
        *("--service-cluster-ip-range=10.96.0.0/16", "--service-account-issuer=https://bench"),
        f"--service-account-key-file={pki}/member.crt",
        f"--service-account-signing-key-file={pki}/member.key",
        # The storm shall reach etcd.
        *("--enable-priority-and-fairness=false", "--max-mutating-requests-inflight=1000"),
    ]
    if events:
        command.append(f"--etcd-servers-overrides=/events#{events.target.endpoints[0]}")
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            url = f"https://{me.address}:{API_PORT}"
            eventually(lambda: is_ready(url, pki, process), "the apiserver is ready", seconds=120)
            yield url
        finally:
            process.terminate()


def is_ready(url: str, pki: Path, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the apiserver ended"
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "member.crt", pki / "member.key")
    try:
        with urllib.request.urlopen(f"{url}/readyz", context=context) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
