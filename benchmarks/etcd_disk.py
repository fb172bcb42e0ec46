"""D2: etcd on a disk that takes 2 ms over a sync, as a network disk does, and on one of 0.2 ms.

One request at a time, so every put waits for a sync of its own, and the disk for the next put. What
a disk that takes no time at all would gain says how much of a put is not the disk's.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.priority import go_first
from benchmarks.row import Row
from tests.etcd.losses.load import Load, quantile
from tests.etcd.losses.machines import Cluster, cluster
from tests.unit.blob_store import azure

ROUNDS = 3
SECONDS = 5.0
RATIO_AIM = 8.0
# Of the document's P30.
NETWORK_DISK_IOPS = 5000
DELAYS = {"local": "200us", "network": "2ms", "none": "0s"}


def run(programs: Path) -> list[Row]:
    """programs: folder of etcd, etcd-load and fallible-disk. Needs root."""
    rates: dict[str, list[float]] = {arm: [] for arm in DELAYS}
    latencies: dict[str, list[float]] = {arm: [] for arm in DELAYS}
    syncs: dict[str, list[float]] = {arm: [] for arm in DELAYS}
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as scratch, azure() as (_, url):
        for turn in range(ROUNDS):
            for arm, delay in DELAYS.items():
                folder = Path(scratch) / f"{arm}-{turn}"
                container = f"{url}/{folder.name}"
                with cluster(1, folder, programs, container, sync_delay=delay) as alone:
                    puts, used = serial_puts(alone, folder / "history")
                rates[arm].append(len(puts) / SECONDS)
                latencies[arm] += puts
                syncs[arm].append(used / SECONDS)
    rate = {arm: median(rates[arm]) for arm in DELAYS}
    used_iops = {arm: median(syncs[arm]) for arm in DELAYS}
    figures = {
        arm: f"{rate[arm]:.0f} puts/s, median {median(latencies[arm]) * 1000:.2f} ms, "
        f"p99 {quantile(latencies[arm], 0.99) * 1000:.2f} ms, {used_iops[arm]:.0f} syncs/s"
        for arm in DELAYS
    }
    ratio, most = (rate[arm] / rate["network"] for arm in ("local", "none"))
    share = used_iops["network"] / NETWORK_DISK_IOPS
    return [
        Row(
            "serial puts with 0.2 ms per sync (D2), against 2 ms",
            figures["local"],
            figures["network"],
            f"{ratio:.1f} times, {most:.1f} without any wait; "
            f"at 2 ms it uses {share:.0%} of {NETWORK_DISK_IOPS} IOPS",
            f"≥ {RATIO_AIM:.0f} times",
            ratio >= RATIO_AIM,
        )
    ]


def serial_puts(alone: Cluster, history: Path) -> tuple[list[float], int]:
    """Seconds that each put took, and how many syncs the disk was asked for meanwhile."""
    disk = alone.machines[0].disk
    load = Load(alone.target, history, prefix="bench/")
    with load.running("--clients=1", "--keys=0", "--rate=0") as process:
        go_first([process, *alone.machines[0].processes()])
        load.goes_on()
        start, before = time.time(), disk.syncs()
        time.sleep(SECONDS)
        end, after = time.time(), disk.syncs()
    puts = [put for put in load.operations() if start <= put.called and put.returned <= end]
    return [put.seconds for put in puts], after - before
