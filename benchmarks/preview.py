"""Preview of prod against a bare program: the same types and counts, nothing else.

The bare program registers resources without arguments or components on a plugin without rules, so
its time is what the engine and the SDK take for that many resources.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.row import Row
from commands.engine import TOP, Engine
from commands.preview import plan_engine

ROUNDS = 3
RATIO_AIM = 1.3
SECONDS_AIM = 12.0
MEMORY_AIM_MIB = 300

BARE_PROGRAM = """\
import json
from pathlib import Path

import pulumi

for token, count in json.loads(Path("counts.json").read_text()).items():
    for index in range(count):
        pulumi.CustomResource(token, f"{token}-{index}", {})
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as scratch:
        ours = plan_engine("prod", Path(scratch) / "ours")
        ours.prepare()
        counts = resource_counts(ours)
        project = Path(scratch) / "bare-project"
        write_bare_project(project, counts)
        with empty_plugins() as attach:
            bare = replace(
                ours,
                home=Path(scratch) / "bare",
                variables={"PULUMI_DEBUG_PROVIDERS": attach},
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
    total = sum(counts.values())
    return [
        Row(
            f"preview of prod, {total} resources",
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


def resource_counts(engine: Engine) -> Counter[str]:
    """Resources by type token, the stack and providers left out; components count as well."""
    steps = json.loads(engine.read("preview", "--json"))["steps"]
    types = [step["newState"]["type"] for step in steps]
    return Counter(kind for kind in types if not kind.startswith(("pulumi:pulumi:", "pulumi:prov")))


def write_bare_project(project: Path, counts: Counter[str]) -> None:
    project.mkdir()
    # Components have no plugin; a bare program registers something of the plugin's instead.
    plain: Counter[str] = Counter()
    for token, count in counts.items():
        plain["azure-native:bare:Component" if token.startswith("kilonode:") else token] += count
    (project / "counts.json").write_text(json.dumps(plain))
    (project / "__main__.py").write_text(BARE_PROGRAM)
    (project / "Pulumi.yaml").write_text((TOP / "Pulumi.yaml").read_text())
    (project / "Pulumi.prod.yaml").write_text((TOP / "Pulumi.prod.yaml").read_text())


@contextmanager
def empty_plugins() -> Iterator[str]:
    """Serve the empty plugins; gives the value of PULUMI_DEBUG_PROVIDERS."""
    command = [sys.executable, "-m", "benchmarks.empty_plugin", "azure-native", "tls", "kubernetes"]
    with subprocess.Popen(
        command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        try:
            yield ",".join(f"{name}:{port}" for name, port in ports.items())
        finally:
            process.terminate()


def timed_preview(engine: Engine) -> tuple[float, int]:
    """Seconds of one preview, and the peak memory of its program in MiB."""
    stop = threading.Event()
    peaks: list[int] = [0]
    watcher = threading.Thread(target=watch_program, args=(stop, peaks))
    watcher.start()
    start = time.monotonic()
    engine.read("preview")
    seconds = time.monotonic() - start
    stop.set()
    watcher.join()
    return seconds, max(peaks)


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
