"""Runs the system's own tools, with errors that a person can act on."""

from __future__ import annotations

import subprocess
from pathlib import Path


class CommandError(Exception):
    """A command of the host failed; the text names it and holds its standard error."""


def run(*command: str | Path, stdin: str = "") -> str:
    """The standard output of a command. Raises CommandError."""
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        words = " ".join(map(str, command))
        raise CommandError(f"{words}: exit code {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def succeeds(*command: str | Path) -> bool:
    """Whether a command ends well: for clearing away what may not be there."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
