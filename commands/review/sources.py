"""The two sides of a change: the work tree, and a commit that it is compared with."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from commands.engine import TOP


class ReviewError(Exception):
    """What keeps a change from being judged; the text says what to do."""


@contextmanager
def commit(base: str, repository: Path = TOP) -> Iterator[Path]:
    """A folder with the files of the commit `base`, gone afterwards.

    Raises ReviewError if git does not know `base`.
    """
    with TemporaryDirectory(prefix="kilonode-base-") as folder:
        # Not a work tree of git's: that would be registered in a repository that is only read.
        archive = subprocess.run(
            ["git", "archive", "--format=tar", "--end-of-options", base],
            cwd=repository,
            capture_output=True,
            check=False,
        )
        if archive.returncode:
            reason = archive.stderr.decode(errors="replace").strip()
            raise ReviewError(
                f"BASE={base}: git has no such commit here ({reason}); name a branch, a tag or a "
                "commit, and fetch it first where the clone is shallow"
            )
        tar = Path(folder) / "base.tar"
        tar.write_bytes(archive.stdout)
        with tarfile.open(tar) as files:
            files.extractall(folder, filter="data")
        tar.unlink()
        yield Path(folder)


def rendered(side: Path, stack: str, out: Path) -> dict[str, str]:
    """The machine files of one side, by ROLE/PATH, rendered by that side's own program.

    Empty for a stack that this side does not have. Raises ReviewError where its settings are wrong.
    """
    if not has(side, stack):
        return {}
    ask(side, "config.render", "--stack", stack, "--out", str(out))
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): path.read_text() for path in files}


def has(side: Path, stack: str) -> bool:
    return (side / f"Pulumi.{stack}.yaml").exists()


def ask(side: Path, module: str, *arguments: str) -> str:
    """What `python -m MODULE ARGUMENTS` of that side prints. Raises ReviewError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=side,
        # Or it would find the other side's modules.
        env={**os.environ, "PYTHONPATH": str(side)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReviewError(done.stderr.strip())
    return done.stdout
