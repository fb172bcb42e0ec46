"""A host that cannot boot machines is told what it lacks, and nothing on it is changed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cluster.conftest import TOP


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Empty ones: for the local Azure's state, and for programs."""
    made = {name: tmp_path / name for name in ("state", "bin")}
    for folder in made.values():
        folder.mkdir()
    return made


def refused(state: Path, prefix: Sequence[str] = (), **environment: str) -> str:
    """What a `make up` that fails says."""
    done = subprocess.run(
        [*prefix, "make", "--no-print-directory", "up"],
        cwd=TOP,
        env={**os.environ, "KILONODE_STATE": str(state), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert not list(state.iterdir()), "nothing was begun"
    return done.stdout


def test_an_ordinary_user_is_told_to_be_root(folders: dict[str, Path]) -> None:
    shown = refused(folders["state"], ["unshare", "--user", "--map-user=1000", "--map-group=1000"])
    assert re.search(r"missing:\n  root: ", shown)


def test_a_host_without_nspawn_is_told_its_package(folders: dict[str, Path]) -> None:
    """Nor is there an apt-get here that could install it."""
    for directory in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(directory).glob("*"):
            if program.name not in ("systemd-nspawn", "apt-get"):
                link = folders["bin"] / program.name
                link.unlink(missing_ok=True)
                link.symlink_to(program)
    shown = refused(folders["state"], PATH=str(folders["bin"]))
    assert "systemd-nspawn: apt-get install systemd-container" in shown


def test_a_host_without_disk_space_is_told_how_much_is_needed(folders: dict[str, Path]) -> None:
    state = folders["state"]
    mounted = 'mount -t tmpfs -o size=64m tmpfs "$0" && exec "$@"'
    shown = refused(state, ["unshare", "--mount", "sh", "-c", mounted, str(state)])
    assert f"disk space: {state} has 0 GiB free, 10 GiB are needed" in shown
