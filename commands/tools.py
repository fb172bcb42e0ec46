"""The project's own programs, asked as a person would."""

from __future__ import annotations

import subprocess
import sys


def toolchain(*arguments: str) -> str:
    """The standard output of `python -m toolchain ARGUMENTS`; its progress goes to stderr."""
    return subprocess.run(
        [sys.executable, "-m", "toolchain", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
