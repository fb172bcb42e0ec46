"""Progress on stderr: which step of how many, how long it has taken."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

# Often enough that a person sees life, seldom enough for a CI log.
HEARTBEAT_SECONDS = 20.0


def clock(seconds: float) -> str:
    """Show a duration the way a person says it."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    return f"{int(seconds) // 60}m{int(seconds) % 60:02d}s"


class Step:
    """One step under way."""

    def __init__(self, label: str, stream: TextIO) -> None:
        self._label = label
        self._stream = stream
        self._started = time.monotonic()
        self._last = self._started

    def say(self, text: str) -> None:
        """Print a line now."""
        self._last = time.monotonic()
        elapsed = clock(self._last - self._started)
        print(f"{self._label}: {text} ({elapsed})", file=self._stream, flush=True)

    def tick(self, text: str) -> None:
        """Print a line if nothing was said for a while."""
        if time.monotonic() - self._last >= HEARTBEAT_SECONDS:
            self.say(text)


class Progress:
    """Numbers the steps of one run."""

    def __init__(self, total: int = 1, stream: TextIO | None = None) -> None:
        self.total = total
        self._stream = stream or sys.stderr
        self._number = 0

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        """Announce a step, hand it out, say how long it took."""
        self._number += 1
        step = Step(f"[toolchain {self._number}/{self.total}] {name}", self._stream)
        step.say(doing)
        yield step
        step.say("done")

    def note(self, text: str) -> None:
        """Say something that is not a step."""
        print(f"[toolchain] {text}", file=self._stream, flush=True)
