"""What of a busy host counts as ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import local_stack
from local_azure import fingerprint

WAIT = ["cat", "/dev/stdin"]


def begun() -> subprocess.Popen[bytes]:
    """A process that waits, once it has answered: the kernel shows its command line by then."""
    process = subprocess.Popen(
        WAIT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"\n")
    process.stdin.flush()
    process.stdout.readline()
    return process


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Process ids: somebody else's, and one begun as `make up` and `make down` begin theirs."""
    monkeypatch.setattr(local_stack, "STATE", tmp_path)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    with begun() as others:
        with local_stack.exclusive():
            ours = begun()
        with ours:
            yield {"others": others.pid, "ours": ours.pid}


def test_a_process_that_make_up_began_is_ours_and_nobody_elses(processes: dict[str, int]) -> None:
    """On a host that does other things too, those begin and end while the tests run."""
    found = dict(fingerprint.our_processes())
    assert found[processes["ours"]] == " ".join(WAIT)
    assert processes["others"] not in found


def test_mounts_below_our_directories_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILONODE_STATE", "/state")
    ours = "40 20 0:9 / /state/machines/a/root rw - overlay overlay rw,upperdir=/state/x"
    named = "41 20 0:4 net:[1] /run/netns/kilonode-a rw - nsfs nsfs rw"
    others = "42 20 8:1 / /media/disk rw - ext4 /dev/sdb1 rw"
    found = fingerprint.our_mounts("\n".join([ours, named, others]))
    assert [line.split()[1] for line in found] == [
        "/state/machines/a/root",
        "/run/netns/kilonode-a",
    ]
