"""make test: linters, then all kinds of tests, each with a count of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from commands import lint
from commands.engine import TOP

# Workers take tests of one file in their order, since these share what they start. Most of an etcd
# test's time is waiting for etcd, so there are more of its workers than cores.
KINDS = {
    "unit": ["--quiet", "--numprocesses=2", "--dist=worksteal"],
    "engine": ["--quiet", "--numprocesses=2", "--dist=loadfile"],
    # They share one control plane.
    "api": ["--quiet"],
    "monitoring": ["--quiet", "--numprocesses=2", "--dist=worksteal"],
    "etcd": ["--verbose", "--numprocesses=4", "--dist=worksteal"],
    # They share one cluster, so they run one after the other, and last.
    "cluster": ["--verbose"],
}


# They compute, while the cluster's mostly wait for machines.
BESIDE_THE_CLUSTER = ("api", "monitoring", "etcd", "engine")


def main() -> None:
    lint.main()
    failed = [] if run("unit") else ["unit"]
    # No unit test needs any of these programs.
    subprocess.run([sys.executable, "-m", "toolchain", "ensure", "test"], cwd=TOP, check=True)
    with ThreadPoolExecutor(1) as others, tempfile.TemporaryDirectory() as folder:
        running = {
            kind: others.submit(run_aside, kind, Path(folder)) for kind in BESIDE_THE_CLUSTER
        }
        if not run("cluster"):
            failed.append("cluster")
        for kind, result in running.items():
            if not result.result():
                failed.append(kind)
            # Not in between the cluster's lines.
            print((Path(folder) / kind).read_text(), flush=True)
    if failed:
        sys.exit(f"kilonode: failed: {', '.join(failed)} tests")


def run(kind: str) -> bool:
    """Whether they pass."""
    print(f"kilonode: {kind} tests …", file=sys.stderr, flush=True)
    return not subprocess.run(pytest(kind), cwd=TOP, check=False).returncode


def run_aside(kind: str, folder: Path) -> bool:
    """As `run`, but it leaves others the processors, and what it says goes to a file."""
    with (folder / kind).open("w") as shown:
        print(f"kilonode: {kind} tests …", file=shown, flush=True)
        command = ["nice", "-n", "19", *pytest(kind)]
        ended = subprocess.run(command, cwd=TOP, check=False, stdout=shown, stderr=shown)
    print(f"kilonode: {kind} tests ended", file=sys.stderr, flush=True)
    return not ended.returncode


def pytest(kind: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--durations=10"]
    return [*command, "-m", "not soak", f"tests/{kind}", *KINDS[kind], *sys.argv[1:]]


if __name__ == "__main__":
    main()
