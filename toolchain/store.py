"""The cache: finished results under a name and the key of what went into them.

A result is made in a temporary folder beside its place and renamed into it, so
it is there whole or not at all, whenever the run is ended. A lock per name lets
two runs work side by side without making the same thing twice; the kernel drops
it when its holder dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from toolchain import digest

Fill = Callable[[Path], None]
_RECORD = "record.json"
_FILES = "files"


def _ignore(_: str) -> None:
    """Say nothing."""


class Store:
    """Results by name and key below one folder."""

    def __init__(self, root: Path, notify: Callable[[str], None] = _ignore) -> None:
        self.root = root
        self.notify = notify

    def find(self, name: str, key: str) -> Path | None:
        """Return the folder of a finished, unchanged result."""
        entry = self._entry(name, key)
        if not (entry / _RECORD).is_file():
            return None
        if damage := _damage(entry):
            self.notify(f"{name}: {damage} is not what was recorded; making it again")
            return None
        return entry / _FILES

    def make(self, name: str, key: str, fill: Fill) -> Path:
        """Return the result, letting `fill` write it if it is not there."""
        with self._lock(name):
            if found := self.find(name, key):
                return found
            entry = self._entry(name, key)
            # Under the lock nobody else writes this name: what lies here was
            # left by a run that was killed.
            temporary = self.root / "tmp"
            temporary.mkdir(parents=True, exist_ok=True)
            for stale in temporary.glob(f"{name}~*"):
                _remove(stale)
            work = Path(tempfile.mkdtemp(prefix=f"{name}~", dir=temporary))
            try:
                # A server of the mirror need not be the user who built it.
                work.chmod(0o755)
                (work / _FILES).mkdir()
                fill(work / _FILES)
                _seal(work)
                damaged = temporary / f"{name}~damaged"
                if entry.exists():
                    entry.rename(damaged)
                work.rename(entry)
                _remove(damaged)
            finally:
                _remove(work)
            return entry / _FILES

    def _entry(self, name: str, key: str) -> Path:
        return self.root / f"{name}-{key[:20]}"

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.notify(f"{name}: another run is making it; waiting")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def sums(files: Path) -> dict[str, str]:
    """SHA-256 of each file of a result, from its record."""
    record = json.loads((files.parent / _RECORD).read_text())
    return {name: what["sha256"] for name, what in record.items() if "sha256" in what}


def _seal(work: Path) -> None:
    """Record what was made and push it to the disk."""
    record: dict[str, dict[str, object]] = {}
    for path in sorted((work / _FILES).rglob("*")):
        name = str(path.relative_to(work / _FILES))
        if path.is_symlink():
            record[name] = {"link": str(path.readlink())}
        elif path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            stat = path.stat()
            record[name] = {
                "sha256": digest.of_file(path),
                "size": stat.st_size,
                "mtime_ns": stat.st_mtime_ns,
            }
    (work / _RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def _damage(entry: Path) -> str | None:
    """Name the first file that differs from the record.

    Size and time are compared first, so an untouched result costs one stat per
    file; only what was touched is hashed again.
    """
    try:
        record = json.loads((entry / _RECORD).read_text())
        for name, expected in record.items():
            path = entry / _FILES / name
            if "link" in expected:
                # A link leads outside the cache: it must still lead somewhere.
                if str(path.readlink()) != expected["link"] or not path.exists():
                    return str(name)
                continue
            stat = path.stat()
            if stat.st_size != expected["size"]:
                return str(name)
            if stat.st_mtime_ns == expected["mtime_ns"]:
                continue
            if digest.of_file(path) != expected["sha256"]:
                return str(name)
    except (OSError, ValueError, KeyError) as error:
        return f"{_RECORD} ({error})"
    return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
