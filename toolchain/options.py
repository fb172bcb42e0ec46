"""What the environment decides, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from toolchain.errors import ToolchainError

Mode = Literal["auto", "release", "build"]


@dataclass(frozen=True)
class Options:
    """Where things are cached and where they come from."""

    cache: Path
    mode: Mode = "auto"
    mirror: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Options:
        """Read KILONODE_CACHE, KILONODE_TOOLCHAIN and KILONODE_MIRROR."""
        mode = environment.get("KILONODE_TOOLCHAIN") or "auto"
        if mode not in ("auto", "release", "build"):
            raise ToolchainError(
                f"KILONODE_TOOLCHAIN is {mode!r}; it must be release, build or unset"
            )
        return cls(
            cache=cache_root(environment) / "toolchain",
            mode=cast(Mode, mode),
            mirror=environment.get("KILONODE_MIRROR") or None,
        )


def cache_root(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of all that is cached; commands/run, which comes before Python, has the same."""
    if chosen := environment.get("KILONODE_CACHE"):
        return Path(chosen).absolute()
    if xdg := environment.get("XDG_CACHE_HOME"):
        return Path(xdg).absolute() / "kilonode"
    return Path.home() / ".cache" / "kilonode"
