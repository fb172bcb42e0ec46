"""What a person types for any stack: without root or a cloud account, and nothing else changes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from commands.engine import TOP

# Root's own files stay readable, but the user is another, and may do nothing that root may.
AN_ORDINARY_USER = (
    ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
)


def work_tree() -> dict[str, tuple[int, int]]:
    """Size and time of every file, ignored ones included."""
    found = {}
    for file in TOP.rglob("*"):
        name = file.relative_to(TOP)
        if name.parts[0] != ".git" and file.is_file():
            stat = file.stat()
            found[str(name)] = (stat.st_size, stat.st_mtime_ns)
    return found


def make(*arguments: str) -> str:
    return subprocess.run(
        [*AN_ORDINARY_USER, "make", "--no-print-directory", *arguments],
        cwd=TOP,
        # No account: neither the environment nor a home has credentials.
        env={key: value for key, value in os.environ.items() if not key.startswith("ARM_")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_a_preview_leaves_the_work_tree_as_it_was(stack: str) -> None:
    """It runs in pull requests, on a checkout that must stay clean."""
    before = work_tree()
    assert "to create" in make("preview", f"STACK={stack}")
    assert work_tree() == before


def test_render_shows_the_machine_files_and_leaves_the_work_tree_as_it_was(tmp_path: Path) -> None:
    before = work_tree()
    make("render", "STACK=prod", f"OUT={tmp_path / 'out'}")
    unit = tmp_path / "out/etcd/etc/systemd/system/etcd.service"
    assert "--quota-backend-bytes" in unit.read_text()
    assert work_tree() == before
