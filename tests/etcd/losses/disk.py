"""A machine's local disk whose power can be cut: what was not synced is gone then."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path


class Disk:
    """Mounted over FUSE while the program lives that was started for it."""

    def __init__(self, programs: Path, backing: Path, mount: Path, sync_delay: str = "0s") -> None:
        """sync_delay: how long each fsync takes, as in 2ms."""
        backing.mkdir(parents=True)
        mount.mkdir(parents=True, exist_ok=True)
        self._mount = mount
        self._process = subprocess.Popen(
            [programs / "fallible-disk", f"--sync-delay={sync_delay}", backing, mount],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    @property
    def pid(self) -> int:
        return self._process.pid

    def cut(self) -> int:
        """Loses what was not synced; how many bytes that were. Nobody may have files open."""
        return int(self._ask("cut")["bytes"])

    def lie(self) -> None:
        """Says from now on that it synced what it did not."""
        self._ask("lie")

    def behave(self) -> None:
        """Syncs again what it is told to."""
        self._ask("behave")

    def syncs(self) -> int:
        return int(self._ask("count")["syncs"])

    def wipe(self) -> None:
        for entry in self._mount.iterdir():
            shutil.rmtree(entry)

    def end(self) -> None:
        """Nobody may have files open."""
        if self._process.stdin and self._process.stdout:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
        assert self._process.returncode == 0, f"{self._mount} was not unmounted well"

    def _ask(self, command: str) -> dict[str, int]:
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the disk's program has ended"
        answer: dict[str, int] = json.loads(line)
        return answer
