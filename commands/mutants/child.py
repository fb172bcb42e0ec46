"""The repository in a folder of its own, where a change harms nobody, and what comes of it there.

All of it is for a child process, which `enter`s the copy and ends soon: a parent that has imported
the large packages before (`packages`) saves each child ten seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from commands.engine import TOP

# The stack that is looked at: it has everything that the documents ask for.
_STACK = "prod"
_INSTALLED = "site-packages"
# A process' own, and a package whose modules load lazily, in an order of their own.
_NOT_BY_NAME = ("__", "pulumi_azure_native")
# Of add-ons that need one.
_KEYS = {"datadogApiKey": "0" * 32}


def files() -> list[str]:
    """What the repository holds, new files included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=TOP, check=True, stdout=subprocess.PIPE, text=True)
    return [name for name in listed.stdout.splitlines() if (TOP / name).is_file()]


def copy(names: Iterable[str], top: Path) -> None:
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / name, top / name)


def enter(top: Path) -> None:
    """From here on this process imports the project from `top`."""
    ours = [name for name, module in list(sys.modules.items()) if _is_ours(_place(module))]
    for name in set(ours) - {"__main__"}:
        del sys.modules[name]
    sys.path[:] = [str(top), *(path for path in sys.path if not _is_ours(path or os.curdir))]
    sys.dont_write_bytecode = True
    os.chdir(top)


def machine_files() -> str:
    """Hash of all machines' files."""
    from config.render import machine_files as rendered
    from config.settings import of_stack

    machines = rendered(of_stack(_STACK))
    return _hash([(role, sorted(files.items())) for role, files in machines.items()])


def resources() -> str:
    """Hash of all that the program declares, on Azure and in the cluster."""
    from tests.unit.program_recorder import recorded

    # Tests ask for the same recording.
    with contextlib.redirect_stderr(io.StringIO()):
        return _hash_of(recorded(_STACK, False))


def optional_addons() -> str:
    """As `resources`, with those add-ons as well that the stack leaves out."""
    from config.reference import entries
    from tests.unit.program_recorder import run, settings

    addons = json.loads(settings(_STACK)["kilonode:addons"])
    for one in entries():
        if one.path[:1] == ("addons",) and len(one.path) == 2 and isinstance(one.example, dict):
            addons.setdefault(one.path[1], one.example)
    with contextlib.redirect_stderr(io.StringIO()):
        return _hash_of(run(settings(_STACK, addons=addons, **_KEYS), known=False))


# What is rendered, the quickest first.
VIEWS = (machine_files, resources, optional_addons)


def _hash_of(recording: Any) -> str:
    declared = recording.registrations
    return _hash(sorted((one.urn, json.dumps(one.inputs, sort_keys=True)) for one in declared))


def tests(proofs: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code for these node IDs, and what it said."""
    said = io.StringIO()
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--quiet", "--exitfirst"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = int(pytest.main([*options, *proofs]))
    return code, said.getvalue()


def packages() -> list[str]:
    """What this process has imported from elsewhere and may be imported by name."""
    return [
        name
        for name, module in list(sys.modules.items())
        if not name.startswith(_NOT_BY_NAME) and _INSTALLED in _place(module)
    ]


def _place(module: ModuleType) -> str:
    """Where it was imported from; empty for Python's own in C."""
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")


def _is_ours(place: str) -> bool:
    """Whether it belongs to the repository; a virtual environment may lie in its folder."""
    inside = bool(place) and Path(place).resolve().is_relative_to(TOP)
    return inside and _INSTALLED not in place


def _hash(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()
