"""make test: linters, then unit, engine and cluster tests, counted by one closing line."""

from __future__ import annotations

import os
import subprocess
import sys

from commands import lint
from commands.engine import TOP


def main() -> None:
    lint.main()
    subprocess.run([sys.executable, "-m", "toolchain", "ensure", "preview"], cwd=TOP, check=True)
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--durations=15", "-v"]
    folders = ["tests/unit", "tests/engine", "tests/cluster"]
    os.chdir(TOP)
    os.execv(sys.executable, [*pytest, *folders, *sys.argv[1:]])


if __name__ == "__main__":
    main()
