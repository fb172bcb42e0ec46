"""What every program on a machine needs to know of it."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import time
from pathlib import Path

ENVIRONMENT = Path("/etc/kilonode/machine.env")


def environment(path: Path = ENVIRONMENT) -> dict[str, str]:
    """The machine's parameters, lines of KEY="value".

    Read from the file and not from the process, so that a program does the same whether systemd,
    a run command or a person starts it.
    """
    words = (shlex.split(line) for line in path.read_text().splitlines())
    return dict(word.split("=", 1) for line in words for word in line)


def hostname() -> str:
    """Lower case: Azure gives scale-set instances upper-case letters, which Kubernetes refuses."""
    return socket.gethostname().split(".")[0].lower()


def say(message: str) -> None:
    """A line for the journal, or for whoever runs the program."""
    print(message, file=sys.stderr, flush=True)


class Journal:
    """Says what is new, and what is not only once a minute: for programs that wait."""

    def __init__(self) -> None:
        self._message = ""
        self._until = 0.0

    def say(self, message: str) -> None:
        if message != self._message or time.monotonic() > self._until:
            say(message)
            self._message, self._until = message, time.monotonic() + 60


def write_atomically(path: Path, content: bytes, mode: int) -> None:
    """Readers see the old content or the new, never a part, also after a power cut.

    Missing folders are made, closed to others when the file is.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755 if mode & 0o004 else 0o700)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
