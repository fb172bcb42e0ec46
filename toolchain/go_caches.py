"""What Go downloads and compiles on the way to a program.

More than 10 GB for all of them, so none of it stays once everything is built; what a run left that
was ended is there for the next. The user's own caches of Go stay as they were.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class GoCaches:
    """Go's two caches, below one folder that several runs may build with at once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def held(self) -> Iterator[dict[str, str]]:
        """Yields Go's variables; nobody removes the caches meanwhile."""
        with self._lock() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield {
                "GOCACHE": str(self._root / "build"),
                "GOMODCACHE": str(self._root / "modules"),
            }

    def remove(self) -> None:
        """Unless another run builds with them: it removes them when it is through."""
        if not self._root.exists():
            return
        with self._lock() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            # Go makes the folders of modules read-only.
            for folder, _, _ in os.walk(self._root):
                Path(folder).chmod(0o755)
            shutil.rmtree(self._root)

    @contextmanager
    def _lock(self) -> Iterator[IO[str]]:
        file = self._root.parent / "locks" / self._root.name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w") as lock:
            yield lock
