"""Runs the real engine over the plugins in plan mode: no root, no machines, nothing left behind."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from commands.engine import Engine
from commands.preview import plan_engine
from local_azure.arm.backend import Backend
from local_azure.arm.store import Store
from local_azure.providers import protocol
from local_azure.providers.azure_native import AzureNative
from tests.checksums import checksums

PROGRAM = Path(__file__).parent / "program"
# How the program behaves in between is no business of these tests.
QUIET = ("--yes", "--skip-preview")


@dataclass(frozen=True)
class Stack:
    """One stack over a local Azure of its own."""

    engine: Engine
    store: Store

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs it, failing or not; both of its streams are in stdout."""
        selection = ["--stack", self.engine.stack]
        if arguments[0] in {"up", "preview", "refresh", "destroy"}:
            selection += ["--config-file", str(self.engine.configuration)]
        return subprocess.run(
            ["pulumi", "--non-interactive", *arguments, *selection],
            cwd=self.engine.top,
            env=self.engine.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def succeeds(self, *arguments: str) -> str:
        done = self.pulumi(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def fails(self, *arguments: str) -> str:
        done = self.pulumi(*arguments)
        assert done.returncode != 0, done.stdout
        return done.stdout

    def attached(self, backend: Backend) -> Stack:
        """The same stack, attached to a plugin of this process, as `make up` is to the daemon."""
        port = protocol.start(AzureNative(self.store, backend))
        plugins = {**self.engine.plugins, "azure-native": port}
        return replace(self, engine=replace(self.engine, plugins=plugins))

    def program(self, resources: Sequence[dict[str, Any]]) -> None:
        (self.engine.top / "resources.json").write_text(json.dumps(resources))

    def writes(self) -> list[tuple[str, str]]:
        """Verb and last name of every write so far."""
        log = self.store.path / "writes.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [(line.split()[1], line.rpartition("/")[2]) for line in lines]


@pytest.fixture
def small(tmp_path: Path) -> Stack:
    """The small program, to be given its resources."""
    top = tmp_path / "program"
    shutil.copytree(PROGRAM, top)
    return _prepared(replace(plan_engine("small", tmp_path), top=top), tmp_path)


def project(stack: str, home: Path) -> Stack:
    """A stack of the project's own program, and what it is not built without."""
    return _prepared(plan_engine(stack, home), home, buildable(stack))


def buildable(stack: str) -> dict[str, Any]:
    """Configuration without which nothing is built."""
    return {"kilonode:artifacts": {"checksums": checksums(stack)}}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a local stack that is up."""
    home = tmp_path_factory.mktemp("made")
    project("local", home).succeeds("up", *QUIET)
    return home


@pytest.fixture
def local(made: Path, tmp_path: Path) -> Stack:
    """A copy of that stack."""
    home = tmp_path / "copy"
    shutil.copytree(made, home)
    return project("local", home)


def _prepared(engine: Engine, home: Path, extra: dict[str, Any] | None = None) -> Stack:
    engine.prepare(extra)
    return Stack(engine, Store(home / "azure"))
