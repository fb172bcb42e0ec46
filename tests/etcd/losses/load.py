"""A load of writes on an etcd cluster, and the verdict on what became of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.etcd.machine import eventually


@dataclass(frozen=True)
class Target:
    """A cluster as its clients see it. `program`: etcd-load."""

    program: Path
    endpoints: tuple[str, ...]
    pki: Path

    def flags(self) -> list[str]:
        return [f"--endpoints={','.join(self.endpoints)}", f"--pki={self.pki}"]


@dataclass(frozen=True)
class Operation:
    """One request of a history; times in seconds since 1970."""

    kind: str
    key: str
    revision: int
    called: float
    returned: float
    acknowledged: bool

    @property
    def seconds(self) -> float:
        return self.returned - self.called


@dataclass(frozen=True)
class Verdict:
    """`lost`: acknowledged writes that are gone, oldest first. `illegal`: keys whose history no
    order of the requests explains. `unknown`: requests that were never answered."""

    acknowledged: int
    lost: list[Operation]
    operations: int
    unknown: int
    illegal: list[str]

    def __str__(self) -> str:
        return (
            f"{len(self.lost)} of {self.acknowledged} acknowledged keys lost, "
            f"{len(self.illegal)} illegal among {self.operations} requests, {self.unknown} of "
            "which were never answered"
        )

    @property
    def lost_seconds(self) -> float:
        """From the first acknowledgement that does not hold to the last."""
        return self.lost[-1].returned - self.lost[0].returned if self.lost else 0.0


class Load:
    """Runs while its context lasts; `history` is complete once it ended."""

    def __init__(self, target: Target, history: Path, prefix: str) -> None:
        """`prefix`: of all keys; a history's own."""
        self.history = history
        self._target, self._prefix = target, prefix

    @contextmanager
    def running(self, *flags: str) -> Iterator[int]:
        """Gives the process' ID."""
        command = [str(self._target.program), "load", *self._target.flags(), *self._where(), *flags]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            assert process.stdin
            try:
                yield process.pid
            finally:
                process.stdin.close()
        assert process.returncode == 0, "the load ended in an error"

    def acknowledged(self) -> int:
        """Requests that were answered so far."""
        if not self.history.exists():
            return 0
        return self.history.read_bytes().count(b'"acknowledged":true')

    def goes_on(self, requests: int = 100, seconds: float = 60) -> None:
        """Returns once so many more have been answered."""
        wanted = self.acknowledged() + requests
        eventually(
            lambda: self.acknowledged() >= wanted, f"{requests} more answers", seconds=seconds
        )

    def operations(self) -> list[Operation]:
        return [operation(json.loads(line)) for line in self.history.read_text().splitlines()]

    def judge(self) -> Verdict:
        """Reads every key back, which becomes part of the history, then judges all of it."""
        read = self._run("read", *self._target.flags(), *self._where())
        checked = check(self._target.program, self.history)
        return Verdict(
            acknowledged=read["acknowledged"],
            lost=[operation(each) for each in read["lost"]],
            operations=checked["operations"],
            unknown=checked["unknown"],
            illegal=checked["illegal"],
        )

    def _where(self) -> list[str]:
        return [f"--history={self.history}", f"--prefix={self._prefix}"]

    def _run(self, *arguments: str) -> dict[str, Any]:
        return _run(self._target.program, arguments)


def check(program: Path, history: Path) -> dict[str, Any]:
    """What porcupine says of a history: operations, unknown, keys, and illegal ones of these."""
    return _run(program, ["check", f"--history={history}"])


def operation(line: dict[str, Any]) -> Operation:
    return Operation(
        kind=line["kind"],
        key=line["key"],
        revision=line.get("revision", 0),
        called=line["call"] / 1e9,
        returned=line["return"] / 1e9,
        acknowledged=line["acknowledged"],
    )


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _run(program: Path, arguments: Iterable[str]) -> dict[str, Any]:
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result
