"""make test: linters, then all kinds of tests, each with a count of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

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


def main() -> None:
    failed: list[str] = []
    lint.main()
    run("unit", failed)
    # No unit test needs any of these programs.
    subprocess.run([sys.executable, "-m", "toolchain", "ensure", "test"], cwd=TOP, check=True)
    with beside("engine", failed):
        for kind in ("api", "monitoring", "etcd", "cluster"):
            run(kind, failed)
    if failed:
        sys.exit(f"kilonode: failed: {', '.join(failed)} tests")


def run(kind: str, failed: list[str]) -> None:
    """Adds itself to `failed` if it does."""
    print(f"kilonode: {kind} tests …", file=sys.stderr, flush=True)
    if subprocess.run(pytest(kind), cwd=TOP, check=False).returncode:
        failed.append(kind)


@contextmanager
def beside(kind: str, failed: list[str]) -> Iterator[None]:
    """As `run`, of what only computes, while others wait more than they do: it leaves them the
    processors whenever they want them. What it prints comes when both have ended."""
    command = ["nice", "-n", "19", *pytest(kind)]
    with tempfile.TemporaryFile() as shown:
        with subprocess.Popen(command, cwd=TOP, stdout=shown, stderr=subprocess.STDOUT) as process:
            yield
            print(f"kilonode: {kind} tests …", file=sys.stderr, flush=True)
        shown.seek(0)
        print(shown.read().decode(), flush=True)
        if process.returncode:
            failed.append(kind)


def pytest(kind: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--durations=10"]
    return [*command, "-m", "not soak", f"tests/{kind}", *KINDS[kind], *sys.argv[1:]]


if __name__ == "__main__":
    main()
