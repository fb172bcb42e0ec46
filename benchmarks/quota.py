"""A storm of events against a small quota: the share of refused writes, with care and without.

All clusters stand the storm at the same time. Each has what apiservers do for theirs: every five
minutes a compaction of what is five minutes old, which begins with a write. Two quotas: one that
holds more than the history that has to be kept, so that care can keep the alarm away, and one that
holds less, so that writes have to stop, and go on when history is old enough.

    python -m benchmarks.quota --minutes 3      a trial: all times are shorter by as much
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kilonode.etcd import care_memory
from kilonode.etcd.care import Care
from kilonode.etcd.care_memory import Memory
from kilonode.etcd.client import EtcdError
from kilonode.etcd.health import UnhealthyError

from benchmarks.row import Row, table
from tests.etcd.machine import CLIENT_PORT, Machine
from tests.etcd.world import World
from tests.unit.blob_store import azure
from toolchain import spec
from toolchain.ensure import Toolchain
from toolchain.options import Options

MINUTES = 15.0
PER_SECOND = 50
# What an event takes of etcd's file, with its lease and its place among the pages.
EVENT_BYTES = 1024
EVENT_BYTES_ON_DISK = 1650
# Kubernetes keeps events for an hour, on a quota that is larger by as much.
LIFE_SECONDS = 120.0
APISERVER_SECONDS = 300.0
CARE_SECONDS = 60.0
# Minutes of the storm that a quota holds. Care leaves six minutes of history and comes every
# minute, so the first suffices with it, and not without.
QUOTAS = (8, 4)
AIMS = {8: 0.01}


@dataclass
class Arm:
    """One cluster in the storm. `quota`: in minutes of it."""

    machine: Machine
    quota: int
    cared_for: bool
    accepted: int = 0
    refused: int = 0

    @property
    def share(self) -> float:
        return self.refused / (self.accepted + self.refused)


def run(programs: Path, minutes: float = MINUTES) -> list[Row]:
    """programs: folder of etcd."""
    scale = minutes / MINUTES
    care_memory.HISTORY_SECONDS *= scale
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as folder, azure() as (_, url):
        arms: list[Arm] = []
        with ExitStack() as living:
            for quota in QUOTAS:
                for cared_for in (True, False):
                    scratch = Path(folder) / f"{quota}-{cared_for}"
                    machine = living.enter_context(
                        lone_member(scratch, programs, url, quota, scale)
                    )
                    arms.append(Arm(machine, quota, cared_for))
            stand_storm(arms, minutes, scale)
    care_memory.HISTORY_SECONDS /= scale
    return [row(minutes, *arms[first : first + 2]) for first in range(0, len(arms), 2)]


def row(minutes: float, cared_for: Arm, alone: Arm) -> Row:
    aim = AIMS.get(cared_for.quota, alone.share)
    return Row(
        f"writes refused in a storm of {minutes:.0f} min, the quota holding "
        f"{cared_for.quota / MINUTES:.0%} of it",
        f"{cared_for.share:.1%} with care",
        f"{alone.share:.1%} without",
        f"{cared_for.refused:,} against {alone.refused:,} of {alone.accepted + alone.refused:,}",
        f"≤ {aim:.0%}" if cared_for.quota in AIMS else "less than without",
        cared_for.share < aim,
    )


@contextmanager
def lone_member(
    folder: Path, programs: Path, url: str, quota: int, scale: float
) -> Iterator[Machine]:
    """A cluster of one that holds `quota` minutes of the storm, of `scale` times the length."""
    world = World(folder, programs, f"{url}/{folder.name}")
    try:
        machine = world.machine("a")
        machine.quota_bytes = int(quota * 60 * scale * PER_SECOND * EVENT_BYTES_ON_DISK)
        machine.boot()
        yield machine
    finally:
        world.end()


def stand_storm(arms: list[Arm], minutes: float, scale: float) -> None:
    """Returns when it is over; raises what a part of it raised."""
    over = threading.Event()
    with ThreadPoolExecutor(max_workers=3 * len(arms)) as pool:
        running = [pool.submit(storm, arm, minutes * 60, LIFE_SECONDS * scale) for arm in arms]
        beside = [pool.submit(apiserver, arm, APISERVER_SECONDS * scale, over) for arm in arms]
        beside += [
            pool.submit(care, arm, CARE_SECONDS * scale, over) for arm in arms if arm.cared_for
        ]
        wait(running)
        over.set()
    for future in (*running, *beside):
        future.result()


def storm(arm: Arm, seconds: float, life: float) -> None:
    """Writes events at a constant rate, each of which ends by its lease."""
    etcd = Connection(arm.machine)
    value = base64.b64encode(os.urandom(EVENT_BYTES)).decode()
    start, lease, granted = time.monotonic(), "", -life
    for number in range(int(seconds * PER_SECOND)):
        due = number / PER_SECOND
        time.sleep(max(0.0, start + due - time.monotonic()))
        # As apiservers do, many events share a lease.
        if due - granted > life / 4:
            lease = etcd.ask("lease/grant", {"TTL": str(int(life) + 1)}).get("ID", "")
            granted = due if lease else granted
        key = base64.b64encode(f"/registry/events/default/storm-{number}".encode()).decode()
        if lease and "header" in etcd.ask("kv/put", {"key": key, "value": value, "lease": lease}):
            arm.accepted += 1
        else:
            arm.refused += 1


def apiserver(arm: Arm, period: float, over: threading.Event) -> None:
    """Compacts to the revision of one period ago: its own compaction is a write, then a request."""
    etcd = Connection(arm.machine)
    key = base64.b64encode(b"compact_rev_key").decode()
    before = "1"
    while True:
        done = etcd.ask("kv/put", {"key": key, "value": key})
        if "header" in done:
            etcd.ask("kv/compaction", {"revision": before})
            before = done["header"]["revision"]
        if over.wait(period):
            return


def care(arm: Arm, period: float, over: threading.Event) -> None:
    memory = Memory()
    while not over.wait(period):
        try:
            Care(arm.machine.client, arm.machine.me, memory).run(time.monotonic())
        except (EtcdError, UnhealthyError) as error:
            print(f"care, quota {arm.quota}: {error}", file=sys.stderr)


class Connection:
    """One that is kept, as an apiserver's is, and made anew after an error."""

    def __init__(self, machine: Machine) -> None:
        pki = machine.places.pki
        tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        tls.load_cert_chain(pki / "member.crt", pki / "member.key")
        self._http = http.client.HTTPSConnection(
            machine.me.address, CLIENT_PORT, timeout=5, context=tls
        )

    def ask(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        """The answer; what it refused has no header, and neither has what was not answered."""
        try:
            self._http.request("POST", f"/v3/{path}", json.dumps(body))
            answer: dict[str, Any] = json.loads(self._http.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            self._http.close()
            return {}
        return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    programs = Toolchain(spec.load(), Options.from_environment()).folders("up").bin
    print(table(run(programs, parser.parse_args().minutes)))


if __name__ == "__main__":
    main()
