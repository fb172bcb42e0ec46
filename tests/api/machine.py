"""A machine of the stack whose file system is a folder, and whose services run as its units say.

Paths of ours lead below the folder in every file: units, scripts, programs and configuration.
Nothing else about the files changes.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kilonode import bundle as unpacking
from kilonode.machine import environment, write_atomically

from config.user_data import MachineFile

_OURS = re.compile(r"(?<![\w.])/((etc|opt|run|var/lib|var/log)/kilonode|mnt/local)\b")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_WORDS = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Exceptions:
    """How a command differs from the unit's; the reason for each flag is the mapping's value.

    replaced: flag -> (value here, reason). added: the same of flags that the unit has not.
    """

    replaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    added: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Machine:
    """Laid out below `root`; `programs` is the toolchain's folder of what machines install."""

    def __init__(self, root: Path, files: Mapping[str, MachineFile], programs: Path) -> None:
        self.root = root
        for path, file in files.items():
            target = self.path(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.swapped(file.content))
            target.chmod(file.mode)
        for program in programs.iterdir():
            self.path(f"/opt/kilonode/bin/{program.name}").symlink_to(program)
        for folder in ("/run/kilonode", "/var/lib/kilonode", "/var/log/kilonode", "/mnt/local"):
            self.path(folder).mkdir(parents=True)

    def path(self, path: str) -> Path:
        """Where a path of the machine is here."""
        return self.root / path.lstrip("/")

    def swapped(self, text: str) -> str:
        return _OURS.sub(lambda found: f"{self.root}{found[0]}", text)

    def unpack(self, bundle: str) -> None:
        """Lays out the role's secret, as bundle.service does."""
        unpacking.lay_out(unpacking.files_of(bundle), {}, self.path("/etc/kilonode/pki"))

    def set(self, path: str, **variables: str) -> None:
        """Adds lines to a file of the environment; the last of equal keys counts."""
        with self.path(path).open("a") as file:
            file.writelines(f'{key}="{value}"\n' for key, value in variables.items())

    def replace(self, path: str, content: object) -> None:
        """Writes a file of JSON as machines write theirs, all at once."""
        write_atomically(self.path(path), json.dumps(content).encode(), 0o600)

    def run(self, program: str) -> None:
        """A program of /opt/kilonode/bin, to its end. Raises CalledProcessError."""
        subprocess.run([self.path(f"/opt/kilonode/bin/{program}")], check=True)

    def command(self, service: str, exceptions: Exceptions | None = None) -> list[str]:
        """The unit's ExecStart, as systemd makes words of it, but for the exceptions."""
        (line,) = self._values(service, "ExecStart")
        variables: dict[str, str] = {}
        for file in self._values(service, "EnvironmentFile"):
            if Path(file.removeprefix("-")).exists() or not file.startswith("-"):
                variables |= environment(Path(file.removeprefix("-")))
        words: list[str] = []
        for word in shlex.split(line):
            if list_of := _WORDS.fullmatch(word):
                words += variables[list_of[1]].split()
            else:
                words.append(_VARIABLE.sub(lambda name: variables[name[1]], word))
        return _changed(words, exceptions or Exceptions())

    def start(self, service: str, exceptions: Exceptions | None = None) -> Service:
        """What the unit does before, then its program, whose output goes to a log."""
        for before in self._values(service, "ExecStartPre"):
            subprocess.run(shlex.split(before), check=True)
        log = self.path(f"/var/log/{service}.log")
        process = subprocess.Popen(
            self.command(service, exceptions),
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"]},
        )
        return Service(service, process, log)

    def _values(self, service: str, key: str) -> list[str]:
        unit = self.path(f"/etc/systemd/system/{service}.service").read_text()
        lines = unit.replace("\\\n", " ").splitlines()
        return [line.split("=", 1)[1] for line in lines if line.startswith(f"{key}=")]


@dataclass(frozen=True)
class Service:
    """A program that was started; its output is in `log`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def ended(self) -> str | None:
        """The last of what it said, if it has ended."""
        if self.process.poll() is None:
            return None
        return f"{self.name} ended with {self.process.returncode}: {self.log.read_text()[-4000:]}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _changed(words: list[str], exceptions: Exceptions) -> list[str]:
    names = [word.partition("=")[0] for word in words]
    missing = exceptions.replaced.keys() - set(names)
    present = exceptions.added.keys() & set(names)
    assert not missing, f"an exception for what the unit does not say: {missing}"
    assert not present, f"the unit says it by now: {present}"
    kept = [
        f"{name}={exceptions.replaced[name][0]}" if name in exceptions.replaced else word
        for name, word in zip(names, words, strict=True)
    ]
    return kept + [f"{name}={value}" for name, (value, _) in exceptions.added.items()]
