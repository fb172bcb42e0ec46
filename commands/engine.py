"""The real Pulumi engine over one stack of the program, with a backend of its own.

The engine works on a copy of the stack's configuration beside its backend: `pulumi stack init`
writes a salt into the file it is given, and neither a preview nor `make up` may change the work
tree.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from config.stack_file import REPOSITORY, no_stack

TOP = REPOSITORY


def unread(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Stack configuration with a word for what was encrypted with a key that is not here."""
    return {
        key: "encrypted" if isinstance(value, dict) and set(value) == {"secure"} else value
        for key, value in entries.items()
    }


@dataclass(frozen=True)
class Engine:
    """One stack.

    stack: the stack's name, for which Pulumi.STACK.yaml exists.
    home: folder of the backend, the passphrase and the working configuration.
    path: folders put first on PATH, the engine's.
    plugins: ports of the plugins to attach to, by name.
    variables: further environment.
    prefix: a command the engine runs under, e.g. `ip netns exec NAME`.
    top: folder of the program, its Pulumi.yaml and its stack files.
    """

    stack: str
    home: Path
    path: Sequence[Path] = ()
    plugins: Mapping[str, int] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    top: Path = TOP

    @property
    def configuration(self) -> Path:
        return self.home / f"Pulumi.{self.stack}.yaml"

    def environment(self) -> dict[str, str]:
        # The program's Python is the one this runs under: first on PATH for the language host.
        first = [str(Path(sys.executable).parent), *map(str, self.path)]
        # A passphrase of the user's own would win over this backend's file.
        inherited = {
            name: value for name, value in os.environ.items() if name != "PULUMI_CONFIG_PASSPHRASE"
        }
        return {
            **inherited,
            "PATH": os.pathsep.join([*first, os.environ["PATH"]]),
            # Without side files of metadata: one that a kill cut short makes the state unreadable.
            "PULUMI_BACKEND_URL": f"file://{self.home / 'backend'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.home / "passphrase"),
            "PULUMI_HOME": str(self.home / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": ",".join(
                f"{name}:{port}" for name, port in sorted(self.plugins.items())
            ),
            # An Output in an f-string is a mistake, not a text.
            "PULUMI_ERROR_OUTPUT_STRING": "true",
            **self.variables,
        }

    def prepare(self, extra: Mapping[str, Any] | None = None) -> None:
        """Make the backend and the stack where missing, and renew the working configuration.

        extra: stack configuration that only this machine knows, by its full key; objects are
        merged one level deep into the stack's own.
        """
        (self.home / "backend").mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        passphrase = self.home / "passphrase"
        if not passphrase.exists():
            passphrase.touch(mode=0o600)
            passphrase.write_text(secrets.token_urlsafe(24))
        shutil.copy(self.top / "Pulumi.yaml", self.home)
        self._write_configuration(extra or {})
        stacks = self._pulumi(["stack", "ls", "--json"], cwd=self.home, capture=True)
        if self.stack not in {entry["name"] for entry in json.loads(stacks)}:
            self._pulumi(["stack", "init", self.stack], cwd=self.home, capture=True)

    def run(self, verb: str, *options: str) -> None:
        """Run `pulumi VERB OPTIONS` on the stack. Raises CalledProcessError."""
        self._pulumi(self._on_stack(verb, *options), cwd=self.top, capture=False)

    def read(self, verb: str, *options: str) -> str:
        """The standard output of `pulumi VERB OPTIONS` on the stack. Raises CalledProcessError."""
        return self._pulumi(self._on_stack(verb, *options), cwd=self.top, capture=True)

    def _on_stack(self, verb: str, *options: str) -> list[str]:
        arguments = [verb, *options, "--stack", self.stack]
        # The other verbs work on the backend alone and do not know the flag.
        if verb in ("preview", "up", "refresh", "destroy"):
            arguments += ["--config-file", str(self.configuration)]
        return arguments

    def _write_configuration(self, extra: Mapping[str, Any]) -> None:
        tracked = self.top / f"Pulumi.{self.stack}.yaml"
        if not tracked.exists():
            sys.exit(f"kilonode: {no_stack(self.stack, self.top)}")
        document = yaml.safe_load(tracked.read_text())
        # Another backend means another key: this one's salt is in the working copy alone.
        document.pop("secretsprovider", None)
        document.pop("encryptedkey", None)
        document.pop("encryptionsalt", None)
        if self.configuration.exists():
            before = yaml.safe_load(self.configuration.read_text())
            if "encryptionsalt" in before:
                document["encryptionsalt"] = before["encryptionsalt"]
        document["config"] = unread(document["config"])
        for key, value in extra.items():
            document["config"][key] = {**document["config"].get(key, {}), **value}
        self.configuration.write_text(yaml.safe_dump(document, sort_keys=False))

    def _pulumi(self, arguments: Sequence[str], cwd: Path, capture: bool) -> str:
        result = subprocess.run(
            [*self.prefix, "pulumi", "--non-interactive", *arguments],
            cwd=cwd,
            env=self.environment(),
            stdout=subprocess.PIPE if capture else None,
            text=True,
            check=False,
        )
        if result.returncode and capture:
            # What went wrong is told there, and nobody else would show it.
            sys.stderr.write(result.stdout)
        result.check_returncode()
        return result.stdout or ""
