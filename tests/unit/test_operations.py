"""docs/operations.md: what a person types in need is there to be typed, and is tried."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from config.artifacts import catalog
from config.user_data import MACHINES
from tests.cluster.operations_page import blocks

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs/operations.md").read_text()
AZURE = "\n".join(re.findall(r"^ *```azurecli\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL))
PROGRAMS = sorted(set(re.findall(r"/opt/kilonode/bin/([\w-]+)", PAGE)))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_is_on_the_machines(program: str) -> None:
    installed = {
        target for artifact in catalog().artifacts.values() for target in artifact.install.values()
    }
    there = (MACHINES / "etcd/opt/kilonode/bin" / program).is_file()
    assert there or f"/opt/kilonode/bin/{program}" in installed


@pytest.mark.parametrize("name", blocks())
def test_local_commands_are_whole_lines_of_this_repository(name: str) -> None:
    assert blocks()[name]
    for line in blocks()[name]:
        known = ["make", "up"], ["./commands/run", "local_azure", "machines"]
        assert any(shlex.split(line)[: len(words)] == words for words in known), line


def test_every_local_command_is_run_on_machines() -> None:
    """By the name of its block, so that a new one is run or refused here."""
    tests = (TOP / "tests/cluster/test_operations.py").read_text()
    run = set(re.findall(r'typed\("([\w-]+)"', tests))
    assert set(blocks()) == run
    assert len(blocks()) == len(re.findall(r"^ *```sh", PAGE, re.MULTILINE)), "no name twice"


def test_what_programs_refer_to_is_a_heading_of_the_page() -> None:
    programs = "".join(file.read_text() for file in MACHINES.rglob("*.py"))
    named = set(re.findall(r'docs/operations\.md, ([^"?)]+)"', programs))
    assert "A dead member has to leave" in named
    assert named <= set(re.findall("^#+ (.*)$", PAGE, re.MULTILINE))


def test_what_changes_a_cluster_is_told_for_azure_too() -> None:
    for words in (
        "etcd-restore'",
        "etcd-restore --yes",
        "etcd-snapshot --own",
        "etcd-leave",
        "--scratch",
    ):
        assert words in AZURE
