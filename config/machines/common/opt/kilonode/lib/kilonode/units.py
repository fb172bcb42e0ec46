"""What systemd says of this machine's units, for gates."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence


class FailedError(Exception):
    """A unit has failed, and will not try again by itself."""


def try_again() -> None:
    """Starts what has failed or was never started; what runs or waits is left alone."""
    subprocess.run(["systemctl", "start", "--no-block", "kilonode.target"], check=False)


def first_inactive(units: Iterable[str]) -> str | None:
    """The first unit that is not active, with its newest lines in the journal.

    Raises FailedError, with the same text, if waiting for it is in vain.
    """
    for unit in units:
        state = _output("systemctl", "show", "--property=ActiveState", "--value", unit).strip()
        if state == "failed":
            raise FailedError(f"{unit} has failed: {_journal([unit], 5).strip()}")
        if state != "active":
            return f"{unit} is {state}: {_journal([unit], 1).strip()}"
    return None


def last_lines(units: Sequence[str]) -> str:
    """The newest lines in the journal of all of them."""
    return _journal(units, 20)


def _journal(units: Sequence[str], lines: int) -> str:
    options = ("--quiet", "--no-pager", "--output=cat", f"--lines={lines}")
    return _output("journalctl", *options, *(f"--unit={unit}" for unit in units))


def _output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
