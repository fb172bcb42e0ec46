"""Long commands: output to a log, a sign of life, no orphans."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolchain.errors import ToolchainError
from toolchain.progress import Step

_POLL_SECONDS = 2.0
_SHOWN_LINES = 30


def logged(
    command: Sequence[str],
    *,
    what: str,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    step: Step,
) -> None:
    """Run a command to its end; if it fails, show the end of its log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        print(f"$ {' '.join(command)}", file=output, flush=True)
        with subprocess.Popen(
            [*_dies_with_us(), *command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                code = _wait(process, what, step)
            except BaseException:
                process.terminate()
                raise
    if code:
        tail = log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
        raise ToolchainError(
            f"{what}: exit code {code}; whole output in {log}\n  " + "\n  ".join(tail)
        )


def _wait(process: subprocess.Popen[bytes], what: str, step: Step) -> int:
    while True:
        try:
            return process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            step.tick(what)


def _dies_with_us() -> list[str]:
    """Have the kernel end the command if this process is killed.

    A compiler that outlives a killed run would keep the cores busy and a
    machine's process list from returning to what it was.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
