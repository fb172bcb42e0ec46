"""make test: linters, then all kinds of tests, each with a count of its own."""

from __future__ import annotations

import subprocess
import sys

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
# What needs none of the toolchain's programs.
ALONE = ("unit",)


def main() -> None:
    lint.main()
    failed = []
    for kind in KINDS:
        print(f"kilonode: {kind} tests …", file=sys.stderr, flush=True)
        if kind not in ALONE:
            ensure = [sys.executable, "-m", "toolchain", "ensure", "test"]
            subprocess.run(ensure, cwd=TOP, check=True)
        if subprocess.run(pytest(kind), cwd=TOP, check=False).returncode:
            failed.append(kind)
    if failed:
        sys.exit(f"kilonode: failed: {', '.join(failed)} tests")


def pytest(kind: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--durations=10"]
    return [*command, "-m", "not soak", f"tests/{kind}", *KINDS[kind], *sys.argv[1:]]


if __name__ == "__main__":
    main()
