"""What the engine would do: the base is built in plan mode, and the head previewed upon it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from commands.engine import Engine
from commands.review.sources import ReviewError, ask

_ARTIFACTS = "kilonode:artifacts"


@dataclass(frozen=True)
class Step:
    """One resource. `causes`: paths of the inputs that differ. `needs`: URNs it waits for."""

    urn: str
    operation: str
    type: str
    name: str
    parent: str
    needs: frozenset[str]
    causes: tuple[str, ...]


def build(side: Path, engine: Engine) -> None:
    """Create in plan mode what that side describes. Raises ReviewError if it cannot."""
    _on(side, engine, "up", "--yes", "--skip-preview", "--refresh=false", "--suppress-outputs")


def plan(side: Path, engine: Engine) -> list[Step]:
    """What an update from what is built to that side does, in the order of the engine's preview.

    Raises ReviewError if the side is no valid program.
    """
    text = _on(side, engine, "preview", "--json", "--show-sames", "--refresh=false")
    return [_step(each) for each in json.loads(text)["steps"]]


def _on(side: Path, engine: Engine, verb: str, *options: str) -> str:
    # Python must find that side's modules, and not those of this command.
    own = replace(engine, top=side, variables={**engine.variables, "PYTHONPATH": str(side)})
    try:
        own.prepare(stand_ins(side, engine.stack))
        return own.read(verb, *options)
    except subprocess.CalledProcessError:
        raise ReviewError(
            f"`pulumi {verb}` of stack {engine.stack} fails, for the reasons above"
        ) from None


def stand_ins(side: Path, stack: str) -> dict[str, Any]:
    """Checksums for what has none, or that side's program would refuse to build anything.

    Nothing is installed here, and both sides get the same, so the difference stays the same.
    """
    settings = yaml.safe_load((side / f"Pulumi.{stack}.yaml").read_text())["config"]
    own = settings.get(_ARTIFACTS, {}).get("checksums", {})
    missing = json.loads(ask(side, "config.unchecked", "--stack", stack))
    return {_ARTIFACTS: {"checksums": {**own, **dict.fromkeys(missing, "0" * 64)}}}


def _step(step: dict[str, Any]) -> Step:
    state = step.get("newState") or step["oldState"]
    return Step(
        urn=step["urn"],
        operation=step["op"],
        type=state["type"],
        name=step["urn"].rsplit("::", 1)[1],
        parent=state.get("parent", ""),
        needs=frozenset(state.get("dependencies") or ()),
        causes=tuple(step.get("detailedDiff") or step.get("replaceReasons") or ()),
    )
