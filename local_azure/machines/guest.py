"""Runs commands inside a machine, as units of its own systemd."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local_azure.machines import cgroup
from local_azure.machines.machine import MachineError, group
from local_azure.machines.spec import Spec
from local_azure.shell import succeeds

_ANSWER_SECONDS = 120.0
# timeout(1)'s exit code.
_TIMED_OUT = 124


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str


def command(spec: Spec, *words: str, options: Sequence[str] = ("--pipe",)) -> list[str]:
    """The host's command that runs WORDS in the machine and ends with their exit code.

    A unit of the machine, so that it lands in the machine's cgroups, starts once basic.target is
    reached and does not outlive the machine. Waits for a machine that is just booting; raises
    MachineError if its init does not answer.
    """
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        init = cgroup.init(group(spec))
        if init is None:
            raise MachineError(f"{spec.name} is not running")
        enter = ["nsenter", f"--target={init}", "--all", "--root", "--wd"]
        if succeeds(*enter, "test", "-S", "/run/dbus/system_bus_socket"):
            break
        if time.monotonic() > deadline:
            raise MachineError(f"the init of {spec.name} does not answer")
        time.sleep(0.1)
    # systemd would put the unit's environment in place of what looks like a variable.
    literal = (word.replace("$", "$$") for word in words)
    return [*enter, "systemd-run", "--quiet", "--wait", "--collect", *options, "--", *literal]


def run_script(spec: Spec, text: str, environment: Mapping[str, str], seconds: int) -> Ended:
    """Run a shell script as root. Raises MachineError."""
    options = [
        *("--pipe", f"--property=RuntimeMaxSec={seconds}"),
        *(f"--setenv={name}={value}" for name, value in environment.items()),
    ]
    script = command(spec, "/bin/sh", "-c", text, options=options)
    deadline = time.monotonic() + seconds
    result = subprocess.run(
        script,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0 and time.monotonic() > deadline:
        return Ended(_TIMED_OUT, result.stdout, f"{result.stderr}ended after {seconds} s\n")
    return Ended(result.returncode, result.stdout, result.stderr)
