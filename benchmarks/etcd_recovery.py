"""How long a cluster of 100 MB takes to be whole again after machines lost their disks."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.row import Row
from tests.etcd.losses.load import Load
from tests.etcd.losses.machines import Cluster, Powered, cluster, each_at_once, restore_on
from tests.etcd.machine import eventually
from tests.unit.blob_store import azure

BYTES = 100_000_000
ONE_AIM_SECONDS = 30.0
MAJORITY_AIM_SECONDS = 60.0


def run(programs: Path) -> list[Row]:
    """programs: folder of etcd, etcd-load and fallible-disk. Needs root."""
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as folder, azure() as (_, url):
        scratch = Path(folder)
        with cluster(3, scratch / "etcd", programs, f"{url}/etcd") as struck:
            fill(struck, scratch / "filling")
            size = struck.machines[0].status()["dbSize"]
            with Load(struck.target, scratch / "history", "bench/").running():
                one, majority = lose_one(struck), lose_majority(struck)
    return [
        row("one member, which heals by itself", size, one, ONE_AIM_SECONDS),
        row("most members, by etcd-restore", size, majority, MAJORITY_AIM_SECONDS),
    ]


def row(who: str, size: int, seconds: float, aim: float) -> Row:
    name = f"until all are voters after lost disks: {who}"
    taken = f"{seconds:.1f} s"
    return Row(name, taken, "-", f"{size / 1e6:.0f} MB", f"≤ {aim:.0f} s", seconds <= aim)


def fill(struck: Cluster, history: Path) -> None:
    filling = Load(struck.target, history, prefix="filling/")
    with filling.running("--keys=0", "--rate=0", "--size=16384"):
        eventually(lambda: struck.machines[0].status()["dbSize"] >= BYTES, "100 MB", seconds=300)


def lose_one(struck: Cluster) -> float:
    gone = struck.leader()
    gone.lose_local_disk()
    start = time.monotonic()
    gone.on()
    struck.becomes_whole()
    return time.monotonic() - start


def lose_majority(struck: Cluster) -> float:
    """From the operator's command on."""
    gone = [struck.leader(), *struck.followers()][: struck.majority]
    each_at_once(Powered.lose_local_disk, gone)
    each_at_once(Powered.on, gone)
    start = time.monotonic()
    restore_on(gone[0])
    struck.becomes_whole()
    return time.monotonic() - start
