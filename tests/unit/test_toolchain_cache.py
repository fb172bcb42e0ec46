"""The toolchain's cache: a result is there whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from toolchain.store import Store, sums

TOP = Path(__file__).resolve().parents[2]


def left_in(cache: Path) -> list[str]:
    """Files in the cache, apart from locks and logs."""
    files = (p.relative_to(cache) for p in cache.rglob("*") if p.is_file())
    return sorted(str(p) for p in files if p.parts[0] not in ("locks", "logs"))


def write(path: Path, text: str) -> None:
    path.write_text(text)


def running(pid: int) -> bool:
    """Whether a process still does anything; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def test_an_interrupted_build_leaves_nothing_half(tmp_path: Path) -> None:
    def broken(files: Path) -> None:
        (files / "half").write_text("half")
        raise KeyboardInterrupt

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.make("thing", "key", broken)
    assert store.find("thing", "key") is None
    assert left_in(tmp_path) == []


def test_after_kill_9_the_next_run_cleans_up_and_finishes(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from toolchain.store import Store\n"
        "def fill(files):\n"
        "    (files / 'half').write_text('half'); print('under way', flush=True); time.sleep(60)\n"
        "Store(Path(sys.argv[1])).make('thing', 'key', fill)\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=TOP, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "under way\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    store = Store(tmp_path)
    assert store.find("thing", "key") is None, "half a result must never be found"
    files = store.make("thing", "key", lambda files: write(files / "whole", "whole"))
    assert (files / "whole").read_text() == "whole"
    assert not [name for name in left_in(tmp_path) if "half" in name]


def test_a_killed_run_takes_its_compiler_along(tmp_path: Path) -> None:
    """What outlives `make up` would stay in the machine's process list."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from toolchain import run; from toolchain.progress import Progress\n"
        "here = Path(sys.argv[1])\n"
        "with Progress().step('x', 'x') as step:\n"
        "    run.logged(['sh', '-c', 'echo $$ > pid; exec sleep 60'], what='x', cwd=here,\n"
        "               env=os.environ, log=here / 'log', step=step)\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=TOP, stderr=subprocess.DEVNULL
    )
    pid_file = tmp_path / "pid"
    wait_for(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    killed.kill()
    killed.wait()
    wait_for(lambda: not running(int(pid_file.read_text())))


def test_two_runs_at_once_make_a_thing_once(tmp_path: Path) -> None:
    made: list[int] = []

    def fill(files: Path) -> None:
        made.append(1)
        time.sleep(0.1)
        write(files / "x", "x")

    threads = [Thread(target=Store(tmp_path).make, args=("thing", "key", fill)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_damaged_result_is_made_again(tmp_path: Path) -> None:
    notes: list[str] = []
    store = Store(tmp_path, notes.append)
    files = store.make("thing", "key", lambda files: write(files / "x", "good"))
    write(files / "x", "evil")
    os.utime(files / "x", (1, 1))
    assert store.find("thing", "key") is None
    again = store.make("thing", "key", lambda files: write(files / "x", "good"))
    assert (again / "x").read_text() == "good"
    assert "x is not what was recorded" in notes[0]


def test_a_touched_but_equal_result_is_used(tmp_path: Path) -> None:
    store = Store(tmp_path)
    files = store.make("thing", "key", lambda files: write(files / "x", "good"))
    os.utime(files / "x", (1, 1))
    assert store.find("thing", "key") == files
    assert list(sums(files)) == ["x"]
