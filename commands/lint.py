"""make lint: formatter, linters and type checker over the repository, at zero findings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from commands.engine import TOP
from toolchain.options import cache_root

MACHINES = TOP / "config" / "machines"
WORKFLOWS = TOP / ".github" / "workflows"
WORKFLOW_SCHEMA = ("--builtin-schema", "vendor.github-workflows")


def workflows() -> list[str]:
    return [str(path) for path in sorted(WORKFLOWS.glob("*.yaml"))]


def program(name: str) -> str:
    """One that came with the Python packages: beside the interpreter."""
    return str(Path(sys.executable).parent / name)


def shell_scripts() -> list[str]:
    """Tracked files that begin with a shell's line, wherever they stand."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=TOP, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    shells = (b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash")
    return [name for name in listed if (TOP / name).read_bytes()[:64].startswith(shells)]


def shellcheck() -> str:
    """The program's path; installed from the distribution where it is missing and may be."""
    found = shutil.which("shellcheck")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "--yes", "--quiet", "shellcheck"], check=True)
        found = shutil.which("shellcheck")
    if found is None:
        sys.exit("kilonode: shellcheck is missing; install your distribution's package")
    return found


def main() -> None:
    libraries = [str(path) for path in sorted(MACHINES.glob("*/opt/kilonode/lib"))]
    programs = [str(path) for path in sorted(MACHINES.glob("*/opt/kilonode/lib/**/*.py"))]
    mypy = [sys.executable, "-m", "mypy", "--cache-dir", str(cache_root() / "mypy")]
    checks = [
        ([sys.executable, "-m", "ruff", "format", "--check", "."], {}),
        ([sys.executable, "-m", "ruff", "check", "."], {}),
        ([shellcheck(), *shell_scripts()], {}),
        # Who may do what in a workflow, and whose code runs in it.
        ([program("zizmor"), "--offline", "--quiet", str(WORKFLOWS)], {}),
        ([program("check-jsonschema"), *WORKFLOW_SCHEMA, *workflows()], {}),
        # The machines' programs first: the Pulumi SDKs take minutes where no cache is warm.
        ([*mypy, *programs], {"MYPYPATH": os.pathsep.join(libraries)}),
        (mypy, {}),
    ]
    failed = []
    for command, variables in checks:
        shown = " ".join(Path(word).name for word in command[:4])
        print(f"kilonode: {shown} …", file=sys.stderr, flush=True)
        if subprocess.run(command, cwd=TOP, env={**os.environ, **variables}).returncode:
            failed.append(shown)
    if failed:
        sys.exit(f"kilonode: findings of {', '.join(failed)}")


if __name__ == "__main__":
    main()
