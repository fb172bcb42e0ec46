"""`make up`, killed in the middle of a phase."""

from __future__ import annotations

import os
import re
import signal
import subprocess

from tests.cluster.conftest import TOP

# Phase -> what `make up` prints when it is in the middle of it.
PHASES = {
    "toolchain": r"kilonode: toolchain …",
    "image": r"kilonode: machine image …",
    "network": r"VirtualNetwork .*creat",
    "etcd": r"VirtualMachine local-etcd-b-vm .*created",
    # The first master stands before etcd, as it asks whether etcd may be touched.
    "masters": r"VirtualMachine local-master-b-vm .*created",
    "nodes": r"VirtualMachineScaleSet local-cpu-a .*creat",
}


def up_killed_in(phase: str) -> None:
    """Start `make up` and kill its whole process group at once, as the kernel would when it is out
    of memory: nothing of it gets to clean up. Fails if `make up` ends before."""
    with subprocess.Popen(
        ["make", "--no-print-directory", "up"],
        cwd=TOP,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if re.search(PHASES[phase], line):
                os.killpg(process.pid, signal.SIGKILL)
                return
    raise AssertionError(f"`make up` ended before the phase {phase}:\n{''.join(seen[-20:])}")
