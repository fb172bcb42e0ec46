"""make test: linters, then unit, engine, API, etcd and cluster tests, each with its own count."""

from __future__ import annotations

import subprocess
import sys

from commands import lint
from commands.engine import TOP

# Cluster tests share one cluster, so they run one after the other, and last.
KINDS = {
    "unit": ["--numprocesses=2"],
    "engine": ["--numprocesses=2"],
    # They share one control plane.
    "api": [],
    "etcd": ["--numprocesses=2"],
    "cluster": [],
}


def main() -> None:
    lint.main()
    # Unit tests of the machines' programs run them against a real etcd.
    subprocess.run([sys.executable, "-m", "toolchain", "ensure", "test"], cwd=TOP, check=True)
    failed = []
    for kind, options in KINDS.items():
        print(f"kilonode: {kind} tests …", file=sys.stderr, flush=True)
        pytest = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--durations=10",
            "-m",
            "not soak",
        ]
        verbosity = "--verbose" if kind in ("etcd", "cluster") else "--quiet"
        command = [*pytest, verbosity, f"tests/{kind}", *options, *sys.argv[1:]]
        if subprocess.run(command, cwd=TOP, check=False).returncode:
            failed.append(kind)
    if failed:
        sys.exit(f"kilonode: failed: {', '.join(failed)} tests")


if __name__ == "__main__":
    main()
