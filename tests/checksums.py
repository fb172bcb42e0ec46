"""What stands for the checksums that a stack is not built without."""

from __future__ import annotations

from config.artifacts import catalog
from config.images import archives
from config.settings import load, raw_settings
from config.stack_file import configuration


def checksums(stack: str) -> dict[str, str]:
    """Of what has no official one: some programs, and the archives of the stack's images."""
    unofficial = [name for name, one in catalog().artifacts.items() if one.sha256 is None]
    loaded = load(raw_settings(configuration(stack)))
    return dict.fromkeys([*unofficial, *archives(loaded)], "c" * 64)
