"""`python -m toolchain` from an empty cache to its folders, with a stand-in for Go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import spec

TOP = Path(__file__).resolve().parents[2]
PROGRAMS = {
    *("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "kubectl"),
    *("etcd", "etcdctl", "etcdutl", "coredns", "crane", "registry"),
    "metrics-server",
    *("prometheus", "promtool"),
}
TEST_PROGRAMS = {
    *("etcd-load", "fallible-disk"),
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"),
    *("cri-dockerd", "flanneld"),
}
# Builds by writing its target's name, and knows where modules lie.
FAKE_GO = """#!/bin/sh
case $1 in
env) echo go1.99.0; exit ;;
list) echo "$(dirname "$0")"; exit ;;
esac
while [ "$1" != -o ]; do shift; done
basename "$2" > "$2"; chmod +x "$2"
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def toolchain(tmp_path: Path) -> Run:
    """Run the command with an empty cache of its own and only the fake Go."""
    program = tmp_path / "go" / "go"
    script = program.parent / "python" / "cmd" / "pulumi-language-python-exec"
    script.parent.mkdir(parents=True)
    script.write_text("script")
    program.write_text(FAKE_GO)
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:/usr/bin:/bin",
        "KILONODE_CACHE": str(tmp_path / "cache"),
        "KILONODE_TOOLCHAIN": "build",
        "CC": "cc",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "toolchain", *arguments],
            cwd=TOP,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_up_makes_everything_once_and_the_folders_hold_it(toolchain: Run) -> None:
    first = toolchain("ensure", "up")
    assert first.returncode == 0, first.stderr
    assert "[toolchain 1/14] pulumi: building v3." in first.stderr
    assert "[toolchain 14/14]" in first.stderr
    assert "[toolchain 15" not in first.stderr, "the number of steps is known at the start"
    second = toolchain("ensure", "up")
    assert (second.returncode, second.stderr) == (0, ""), "nothing is left to do or to say"

    folder = Path(toolchain("bin").stdout.strip())
    assert {path.name for path in folder.iterdir()} == PROGRAMS
    assert all(os.access(path, os.X_OK) for path in folder.iterdir())

    mirror = Path(toolchain("mirror").stdout.strip())
    checksums = json.loads((mirror / "checksums.json").read_text())
    listed = spec.load().artifacts
    assert set(checksums) == set(listed)
    kubelet = mirror / (listed["kubelet"].url or "").removeprefix("https://")
    assert kubelet.read_text() == "kubelet\n"

    images = Path(toolchain("images").stdout.strip())
    index = json.loads((images / "index.json").read_text())
    assert index["testbox.tar"] == "registry.k8s.io/kilonode/testbox:1"
    assert all((images / name).is_file() for name in index)


def test_a_preview_makes_and_offers_the_engine_only(toolchain: Run) -> None:
    assert toolchain("ensure", "preview").returncode == 0
    folder = Path(toolchain("bin").stdout.strip())
    assert {path.name for path in folder.iterdir()} == {p for p in PROGRAMS if "pulumi" in p}


def test_tests_have_programs_of_their_own_besides(toolchain: Run) -> None:
    assert toolchain("ensure", "test").returncode == 0
    offered = {
        purpose: {path.name for path in Path(toolchain("bin", purpose).stdout.strip()).iterdir()}
        for purpose in ("up", "test")
    }
    assert offered == {"up": PROGRAMS, "test": PROGRAMS | TEST_PROGRAMS}


@pytest.mark.parametrize("command", ["bin", "mirror", "images"])
def test_asking_for_a_folder_downloads_and_builds_nothing(toolchain: Run, command: str) -> None:
    asked = toolchain(command)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "not made yet: pulumi" in asked.stderr
    assert "run `python -m toolchain ensure" in asked.stderr
