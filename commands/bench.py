"""make bench: prints the table of all benchmarks; fails where an aim is missed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from benchmarks import boot, etcd_disk, etcd_events, etcd_learner, etcd_recovery, preview, quota
from benchmarks.row import Row, table
from toolchain import download, spec
from toolchain.ensure import Toolchain
from toolchain.options import Options


def main() -> None:
    needed = "test" if os.geteuid() == 0 else "preview"
    subprocess.run([sys.executable, "-m", "toolchain", "ensure", needed], check=True)
    rows = preview.run()
    if os.geteuid() == 0:
        rows += boot.run()
        # What the machines' programs say is no part of the table.
        with contextlib.redirect_stdout(sys.stderr):
            rows += etcd_benchmarks()
    else:
        print(
            "kilonode: skipped the benchmarks of machines and of etcd: they need root",
            file=sys.stderr,
        )
    print(table(rows))
    if not all(row.reached for row in rows):
        sys.exit(1)


def etcd_benchmarks() -> list[Row]:
    pins = spec.load()
    made = Toolchain(pins, Options.from_environment()).folders("test")
    apiserver = pins.artifacts["kube-apiserver"].url
    assert made.mirror
    assert apiserver
    rows = etcd_disk.run(made.bin)
    rows += etcd_events.run(made.bin, made.mirror / download.place(apiserver))
    rows += etcd_recovery.run(made.bin)
    rows += etcd_learner.run(made.bin)
    return rows + quota.run(made.bin)


if __name__ == "__main__":
    main()
