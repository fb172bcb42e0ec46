"""make bench: prints the table of all benchmarks; fails where an aim is missed.

Those of ARGS alone, if given: make bench ARGS="preview boot".
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from benchmarks import (
    boot,
    dns_spread,
    etcd_disk,
    etcd_events,
    etcd_learner,
    etcd_recovery,
    fairness,
    image_downloads,
    image_pulls,
    neighbours,
    pod_network,
    preview,
    quota,
    scheduling,
)
from benchmarks.row import Row, table
from toolchain import download, spec
from toolchain.ensure import Folders, Toolchain
from toolchain.options import Options


@cache
def made() -> Folders:
    """What the toolchain built for the benchmarks of etcd."""
    return Toolchain(spec.load(), Options.from_environment()).folders("test")


def apiserver() -> Path:
    """The kube-apiserver that machines would install."""
    url, mirror = spec.load().artifacts["kube-apiserver"].url, made().mirror
    assert url
    assert mirror
    return mirror / download.place(url)


def images() -> Path:
    """The archives of the toolchain's images."""
    found = made().images
    assert found
    return found


BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "preview": preview.run,
    "boot": boot.run,
    "etcd-disk": lambda: etcd_disk.run(made().bin),
    "etcd-events": lambda: etcd_events.run(made().bin, apiserver()),
    "etcd-recovery": lambda: etcd_recovery.run(made().bin),
    "etcd-learner": lambda: etcd_learner.run(made().bin),
    "image-downloads": image_downloads.run,
    "image-pulls": lambda: image_pulls.run(images() / "testbox.tar"),
    "neighbours": neighbours.run,
    "pod-network": pod_network.run,
    "quota": lambda: quota.run(made().bin),
    "fairness": lambda: fairness.run(made().bin),
    "scheduling": lambda: scheduling.run(made().bin),
    "dns-spread": lambda: dns_spread.run(made().bin),
}
# The others boot machines or mount disks.
FOR_ANYBODY = ("preview", "fairness", "scheduling", "dns-spread")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    refused = [name for name in names if os.geteuid() != 0 and name not in FOR_ANYBODY]
    if refused:
        print(f"kilonode: skipped, as they need root: {', '.join(refused)}", file=sys.stderr)
    chosen = [name for name in names if name not in refused]
    needed = "preview" if set(chosen) <= {"preview"} else "test"
    subprocess.run([sys.executable, "-m", "toolchain", "ensure", needed], check=True)
    # What the benchmarks' programs say is no part of the table.
    with contextlib.redirect_stdout(sys.stderr):
        rows = [row for name in chosen for row in BENCHMARKS[name]()]
    print(table(rows))
    if not all(row.reached for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
