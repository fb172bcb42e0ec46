"""How long the local disk takes to keep a write, measured by fio as etcd writes (D2).

99 of 100 have to be faster than the floor, or the whole cluster waits for this member time and
again. So nobody begins on such a disk; whoever has data on it goes on, since that is worth more.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from kilonode import metrics
from kilonode.machine import say
from kilonode.metrics import Sample

# https://www.ibm.com/cloud/blog/using-fio-to-tell-whether-your-storage-is-fast-enough-for-etcd:
# 10,000 writes, of the size that etcd's log has. A slow disk is known to be one after 5 s.
_WRITES = ("--rw=write", "--ioengine=sync", "--fdatasync=1", "--size=22m", "--bs=2300")
_LIMITS = ("--runtime=5", "--unlink=1", "--output-format=json")
_PAUSE_SECONDS = 60.0


def measure(folder: Path, fio: str = "fio") -> float:
    """Seconds within which 99 of 100 writes below `folder` are on the disk.

    Raises FileNotFoundError where there is no fio, subprocess.CalledProcessError if a write failed.
    """
    file = folder / "fsync-check"
    command = (fio, "--name=etcd", f"--filename={file}", *_WRITES, *_LIMITS)
    try:
        shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    finally:
        file.unlink(missing_ok=True)
    (job,) = json.loads(shown)["jobs"]
    return float(job["sync"]["lat_ns"]["percentile"]["99.000000"]) / 1e9


class LocalDisk:
    """The disk that `folder` is on, and what Prometheus is told of it. `floor`: seconds."""

    def __init__(self, folder: Path, floor: float, told: Path, fio: str = "fio") -> None:
        self._folder, self._floor, self._told, self._fio = folder, floor, told, fio
        self._objection: str | None = "not measured yet"
        self._until = 0.0

    def objection(self) -> str | None:
        """Why no member may begin on this disk; None if it may. A slow one is measured again."""
        if self._objection and time.monotonic() >= self._until:
            self._objection = self._measure()
            self._until = time.monotonic() + _PAUSE_SECONDS
        return self._objection

    def measure_once_a_boot(self) -> None:
        """For who begins in any case: once, not with every restart of an etcd that fails."""
        if not (self._told / "fsync.prom").exists():
            self._measure()

    def _measure(self) -> str | None:
        samples = [Sample("kilonode_etcd_disk_fsync_floor_seconds", self._floor)]
        objection = None
        try:
            p99 = measure(self._folder, self._fio)
        except FileNotFoundError:
            # A package archive that does not answer is no reason to stay away from the cluster.
            say("fsync: there is no fio, so the local disk goes unmeasured")
        except subprocess.CalledProcessError as error:
            objection = f"the local disk does not take writes: {error}"
        else:
            samples.append(Sample("kilonode_etcd_disk_fsync_p99_seconds", p99))
            figures = f"99 % of fsyncs take up to {p99 * 1e3:.2f} ms, {self._floor * 1e3:.0f} may"
            say(f"fsync: {figures}")
            if p99 > self._floor:
                objection = f"the local disk is too slow: {figures}"
        metrics.write("fsync", samples, self._told)
        return objection
