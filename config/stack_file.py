"""A stack's configuration, read from its file without Pulumi's engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent


class StackFileError(ValueError):
    """There is no such stack."""


def stacks(top: Path = REPOSITORY) -> list[str]:
    """The stacks' names."""
    return sorted(path.name.split(".")[1] for path in top.glob("Pulumi.*.yaml"))


def no_stack(stack: str, top: Path = REPOSITORY) -> str:
    """What to say when there is no such stack."""
    return f"no stack {stack!r}; there are {', '.join(stacks(top))}"


def configuration(stack: str) -> Mapping[str, Any]:
    """The stack's configuration by full keys, values as YAML reads them. Raises StackFileError."""
    if stack not in stacks():
        raise StackFileError(no_stack(stack))
    document = yaml.safe_load((REPOSITORY / f"Pulumi.{stack}.yaml").read_text())
    entries: Mapping[str, Any] = document["config"]
    return entries
