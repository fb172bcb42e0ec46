"""The user's own Pulumi, if it is new enough and brings its language host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from toolchain.versions import parse

_HOST = ("pulumi-language-python", "pulumi-language-python-exec")


def find(
    minimum: str, cache: Path, note: Callable[[str], None], path: str | None = None
) -> dict[str, Path] | None:
    """Return program -> path for the first `pulumi` on PATH, or None."""
    folders = _folders(os.environ.get("PATH", "") if path is None else path, cache)
    program = next((f / "pulumi" for f in folders if _runs(f / "pulumi")), None)
    if program is None:
        return None
    version = _version(program)
    wanted = parse(minimum)
    if not version or not wanted or (parse(version) or ()) < wanted:
        note(f"{program} is {version or 'of unknown version'}, older than {minimum}")
        return None
    # An installation may be reached through a link; its language host is then
    # beside the real program.
    for folder in (program.resolve().parent, *folders):
        host = {name: folder / name for name in _HOST}
        if all(_runs(file) for file in host.values()):
            return {"pulumi": program.resolve(), **host}
    note(f"{program} has no {_HOST[0]} beside it or on PATH")
    return None


def _folders(path: str, cache: Path) -> list[Path]:
    """Split PATH, leaving out what this program itself once put there."""
    folders = [Path(part) for part in path.split(os.pathsep) if part]
    return [f for f in folders if not f.resolve().is_relative_to(cache.resolve())]


def _runs(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)


def _version(program: Path) -> str | None:
    try:
        answer = subprocess.run(
            [program, "version"],
            # Otherwise it asks the network for a newer release.
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
