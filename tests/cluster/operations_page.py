"""The commands of docs/operations.md, typed as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

_TOP = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^ *```sh *(?P<name>\S*)\n(?P<lines>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks() -> dict[str, list[str]]:
    """The commands of each block, by its name; a block without one is called nothing."""
    page = (_TOP / "docs/operations.md").read_text()
    return {found["name"]: found["lines"].split("\n")[:-1] for found in _BLOCK.finditer(page)}


def typed(name: str, *, refused: bool = False) -> str:
    """What a person sees who types the block's commands. `refused`: they say no.

    Raises AssertionError with what was shown if a command ends otherwise.
    """
    shown = ""
    for line in blocks()[name]:
        done = subprocess.run(
            shlex.split(line),
            cwd=_TOP,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        shown += done.stdout
        assert bool(done.returncode) == refused, f"{line.strip()}: {done.returncode}: {done.stdout}"
    return shown
