"""Preview of prod against a bare program: the same types and counts, nothing else.

The bare program registers the same resources in a flat list, on plugins without rules.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.row import Row
from commands.engine import TOP, Engine
from commands.preview import plan_engine

ROUNDS = 3
RATIO_AIM = 1.3
SECONDS_AIM = 12.0
MEMORY_AIM_MIB = 300
BARE_PROGRAM = TOP / "benchmarks" / "bare_program.py"


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as scratch:
        ours = plan_engine("prod", Path(scratch) / "ours")
        ours.prepare()
        resources = planned_resources(ours)
        project = Path(scratch) / "bare-project"
        write_bare_project(project, resources)
        with empty_plugins() as ports:
            bare = replace(
                ours,
                home=Path(scratch) / "bare",
                plugins=ports,
                variables={},
                top=project,
            )
            bare.prepare()
            arms: dict[str, list[float]] = {"ours": [], "bare": []}
            memory = 0
            for _ in range(ROUNDS):
                for name, engine in (("ours", ours), ("bare", bare)):
                    seconds, peak = timed_preview(engine)
                    arms[name].append(seconds)
                    memory = max(memory, peak if name == "ours" else 0)
    figure, baseline = (statistics.median(arms[name]) for name in ("ours", "bare"))
    return [
        Row(
            f"preview of prod, {len(resources)} resources",
            f"{figure:.1f} s",
            f"{baseline:.1f} s bare",
            f"{figure / baseline:.2f} times",
            f"≤ {RATIO_AIM} times and ≤ {SECONDS_AIM:.0f} s",
            figure / baseline <= RATIO_AIM and figure <= SECONDS_AIM,
        ),
        Row(
            "memory of the program's Python during that preview",
            f"{memory} MiB",
            "-",
            f"{memory} MiB",
            f"≤ {MEMORY_AIM_MIB} MiB",
            memory <= MEMORY_AIM_MIB,
        ),
    ]


def planned_resources(engine: Engine) -> list[dict[str, Any]]:
    """Token, name and inputs of all that the program registers, components as well."""
    states = [step["newState"] for step in json.loads(engine.read("preview", "--json"))["steps"]]
    return [
        {
            "token": state["type"],
            "name": state["urn"].rsplit("::", 1)[1],
            "inputs": {
                key: value
                for key, value in state.get("inputs", {}).items()
                # The engine's own notes.
                if not key.startswith("__")
            },
        }
        for state in states
        # The stack is there anyway, and providers are the engine's.
        if not state["type"].startswith("pulumi:")
    ]


def write_bare_project(project: Path, resources: list[dict[str, Any]]) -> None:
    project.mkdir()
    (project / "resources.json").write_text(json.dumps(resources))
    shutil.copy(BARE_PROGRAM, project / "__main__.py")
    for file in ("Pulumi.yaml", "Pulumi.prod.yaml"):
        shutil.copy(TOP / file, project)


@contextmanager
def empty_plugins() -> Iterator[dict[str, int]]:
    """Serve the empty plugins; gives their ports by name."""
    command = [sys.executable, "-m", "benchmarks.empty_plugin", "azure-native", "tls", "kubernetes"]
    with subprocess.Popen(
        command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def timed_preview(engine: Engine) -> tuple[float, int]:
    """Seconds of one preview, and the peak memory of its program in MiB."""
    stop = threading.Event()
    peaks: list[int] = [0]
    watcher = threading.Thread(target=watch_program, args=(stop, peaks))
    watcher.start()
    start = time.monotonic()
    try:
        engine.read("preview")
        return time.monotonic() - start, max(peaks)
    finally:
        stop.set()
        watcher.join()


def watch_program(stop: threading.Event, peaks: list[int]) -> None:
    """Collect the peak resident memory of the language host's Python, by its command line."""
    while not stop.wait(0.1):
        for process in Path("/proc").iterdir():
            if not process.name.isdigit() or int(process.name) == os.getpid():
                continue
            try:
                if b"pulumi-language-python-exec" not in (process / "cmdline").read_bytes():
                    continue
                status = (process / "status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            fields = dict(line.split(":", 1) for line in status.splitlines())
            if "VmHWM" in fields:
                peaks.append(int(fields["VmHWM"].split()[0]) // 1024)
