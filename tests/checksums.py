"""What stands for the checksums that a stack is not built without."""

from __future__ import annotations

from config.checks.artifacts import unchecked
from config.settings import load, raw_settings
from config.stack_file import configuration


def checksums(stack: str) -> dict[str, str]:
    """Of what has no official one: some programs, and the archives of the stack's images."""
    return dict.fromkeys(unchecked(load(raw_settings(configuration(stack)))), "c" * 64)
