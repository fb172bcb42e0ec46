"""Programs run while the daemon runs: they come back when they die, and end when it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_azure.services import children
from local_azure.services.children import Child

# Says its process id and waits.
PROGRAM = ["sh", "-c", "echo $$; exec sleep 60"]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(children, "RESTART_SECONDS", 0.05)
    return tmp_path / "program.log"


@pytest.fixture
def child(log: Path) -> Iterator[Child]:
    child = Child(PROGRAM, log)
    yield child
    child.stop()


def pids(log: Path, count: int) -> list[int]:
    found: list[int] = []
    eventually(lambda: len(log.read_text().split()) >= count if log.exists() else False)
    found += [int(word) for word in log.read_text().split()]
    return found


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_program_that_dies_is_started_again(child: Child, log: Path) -> None:
    first = pids(log, 1)[0]
    os.kill(first, signal.SIGKILL)
    assert pids(log, 2)[1] != first


def test_stop_ends_the_program_for_good(child: Child, log: Path) -> None:
    pid = pids(log, 1)[0]
    child.stop()
    assert gone(pid)
    time.sleep(0.2)
    assert len(pids(log, 1)) == 1


def test_a_program_that_ignores_the_signal_is_killed(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "STOP_SECONDS", 0.1)
    stubborn = Child(["sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.1; done"], log)
    pid = pids(log, 1)[0]
    stubborn.stop()
    assert gone(pid)


def test_a_retired_program_may_finish_and_does_not_come_back(log: Path) -> None:
    finishing = Child(
        ["sh", "-c", "trap 'exit 0' USR1; echo $$; while :; do sleep 0.05; done"], log
    )
    pid = pids(log, 1)[0]
    finishing.retire(signal.SIGUSR1)
    eventually(lambda: gone(pid))
    time.sleep(0.2)
    assert len(pids(log, 1)) == 1
    finishing.stop()


def test_a_program_that_does_not_serve_is_named_with_its_log(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "START_SECONDS", 0.2)
    broken = Child(["false"], log)
    with pytest.raises(TimeoutError, match=f"false does not serve; see {log}"):
        broken.wait(lambda: False)


def test_programs_die_with_a_daemon_that_is_killed(log: Path) -> None:
    daemon = f"""
import time
from pathlib import Path
from local_azure.services.children import Child
Child({PROGRAM!r}, Path({str(log)!r}))
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", daemon]) as process:
        pid = pids(log, 1)[0]
        process.kill()
    eventually(lambda: gone(pid))
