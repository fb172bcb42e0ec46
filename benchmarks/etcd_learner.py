"""A durable learner: what it saves once all voters lost their disks, and what it costs before."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.priority import go_first
from benchmarks.row import Row
from tests.etcd.losses.load import Load, Verdict, quantile
from tests.etcd.losses.machines import (
    Cluster,
    Powered,
    cluster,
    each_at_once,
    restore_on,
    take_snapshot,
)
from tests.unit.blob_store import azure

WRITES = ("--keys=0", "--rate=200")
# Local SSDs (D2); the learner's disk outlives its machine, so it may be a network disk.
VOTER_DELAY = "200us"
LEARNER_DELAYS = ("200us", "2ms")
LOST_AIM_SECONDS = 1.0
INTERVAL_SECONDS = 60.0
# The loss strikes when it likes; here at three quarters of the interval.
STRIKES_AFTER_SECONDS = 45.0
RATIO_AIM = 1.05
ROUNDS = 3
ROUND_SECONDS = 8.0


def run(programs: Path) -> list[Row]:
    """programs: folder of etcd, etcd-load and fallible-disk. Needs root."""
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as folder, azure() as (_, url):
        scratch = Path(folder)
        by_learner = lost(scratch / "learner", programs, f"{url}/learner", learner_delay="2ms")
        by_snapshot = lost(scratch / "snapshot", programs, f"{url}/snapshot", learner_delay=None)
        rows = [
            Row(
                "written and lost with all voters' disks: durable learner, against snapshots",
                told(by_learner),
                told(by_snapshot),
                f"{by_learner.lost_seconds / INTERVAL_SECONDS:.0%} and "
                f"{by_snapshot.lost_seconds / INTERVAL_SECONDS:.0%} of {INTERVAL_SECONDS:.0f} s",
                f"≤ {LOST_AIM_SECONDS:.0f} s with the learner",
                by_learner.lost_seconds <= LOST_AIM_SECONDS,
            )
        ]
        for delay in LEARNER_DELAYS:
            container = f"{url}/cost-{delay}"
            with_one, without = cost(scratch / f"cost-{delay}", programs, container, delay)
            ratio = with_one / without
            rows.append(
                Row(
                    f"p99 of writes with a durable learner of {delay} per sync, against without",
                    f"{with_one * 1000:.1f} ms",
                    f"{without * 1000:.1f} ms",
                    f"{ratio:.2f} times",
                    f"≤ {RATIO_AIM} times",
                    ratio <= RATIO_AIM,
                )
            )
        return rows


def told(verdict: Verdict) -> str:
    return f"{verdict.lost_seconds:.1f} s, {len(verdict.lost)} of {verdict.acknowledged} writes"


def lost(folder: Path, programs: Path, container: str, learner_delay: str | None) -> Verdict:
    """After all voters lost their disks, and the cluster was restored from what there is."""
    made = cluster(
        3, folder, programs, container, sync_delay=VOTER_DELAY, learner_delay=learner_delay
    )
    with made as struck:
        load = Load(struck.target, folder / "history", prefix="bench/")
        with load.running(*WRITES):
            load.goes_on()
            take_snapshot(struck.followers()[0])
            time.sleep(STRIKES_AFTER_SECONDS)
            each_at_once(Powered.lose_local_disk, struck.machines)
            each_at_once(Powered.on, struck.machines)
            restore_on(struck.machines[0])
            struck.becomes_whole()
            load.goes_on()
        return load.judge()


def cost(folder: Path, programs: Path, container: str, delay: str) -> tuple[float, float]:
    """p99 of writes in seconds, with a learner of this delay per sync, and without."""
    latencies: dict[bool, list[float]] = {True: [], False: []}
    made = cluster(3, folder, programs, container, sync_delay=VOTER_DELAY, learner_delay=delay)
    with made as measured:
        # Each member has a machine of its own in a real cluster.
        go_first(process for each in measured.machines for process in each.processes())
        for number in range(ROUNDS):
            latencies[True] += writes(measured, folder / f"with-{number}")
            leave(measured)
            latencies[False] += writes(measured, folder / f"without-{number}")
            if measured.learner:
                measured.learner.on()
            measured.becomes_whole()
    with_one, without = (quantile(latencies[learner], 0.99) for learner in (True, False))
    return with_one, without


def writes(measured: Cluster, history: Path) -> list[float]:
    load = Load(measured.target, history, prefix=f"{history.name}/")
    with load.running(*WRITES) as process:
        go_first([process])
        load.goes_on()
        start = time.time()
        time.sleep(ROUND_SECONDS)
        end = time.time()
    return [put.seconds for put in load.operations() if start <= put.called and put.returned <= end]


def leave(measured: Cluster) -> None:
    """The learner ends, and the cluster forgets it: whoever is only away is called for ever."""
    assert measured.learner
    gone = measured.learner.machine
    member_id = gone.client.own_id(gone.me.address)
    measured.learner.stop_etcd()
    measured.machines[0].machine.client.remove(measured.machines[0].machine.me.address, member_id)
