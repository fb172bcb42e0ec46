"""What Go needs while it builds is many times what it builds, and goes once all is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolchain.go_caches import GoCaches


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A file that Go downloaded, in a folder that Go made read-only."""
    with GoCaches(tmp_path / "go-caches").held() as variables:
        folder = Path(variables["GOMODCACHE"]) / "example.org" / "module@v1.0.0"
    folder.mkdir(parents=True)
    file = folder / "main.go"
    file.write_text("package main\n")
    folder.chmod(0o555)
    return file


def test_nothing_stays_once_all_is_built(tmp_path: Path, module: Path) -> None:
    GoCaches(tmp_path / "go-caches").remove()
    assert not (tmp_path / "go-caches").exists()


def test_a_run_that_is_through_leaves_another_what_it_builds_with(
    tmp_path: Path, module: Path
) -> None:
    with GoCaches(tmp_path / "go-caches").held():
        GoCaches(tmp_path / "go-caches").remove()
        assert module.exists()


def test_what_a_run_left_that_was_ended_serves_the_next(tmp_path: Path, module: Path) -> None:
    """A build of Kubernetes takes minutes, and its modules are hundreds of megabytes."""
    with GoCaches(tmp_path / "go-caches").held() as variables:
        assert module.is_relative_to(variables["GOMODCACHE"])
        assert module.exists()
