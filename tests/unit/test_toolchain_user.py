"""What the user already has: taken if it is new enough, else left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolchain import go, spec, user_pulumi, views
from toolchain.store import Store

PULUMI = "v3.250.0"


def pulumi(folder: Path, version: str, host: bool = True) -> Path:
    folder.mkdir(parents=True)
    names = ["pulumi"]
    if host:
        names += ["pulumi-language-python", "pulumi-language-python-exec"]
    for name in names:
        (folder / name).write_text(f"#!/bin/sh\necho {version}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("version", "used"),
    [
        ("v3.250.0", True),
        ("v3.301.2", True),
        ("v4.0.0", True),
        ("v3.249.9", False),
        ("v3.99.0", False),
        ("v3.250.0-alpha.1", False),
        ("v3.250.0+dirty", True),
        ("nonsense", False),
    ],
)
def test_the_users_pulumi_is_used_only_if_new_enough(
    tmp_path: Path, version: str, used: bool
) -> None:
    folder = pulumi(tmp_path / "own", version)
    notes: list[str] = []
    found = user_pulumi.find(PULUMI, tmp_path / "cache", notes.append, str(folder))
    assert bool(found) is used
    assert bool(notes) is not used, "a pulumi that is passed over is named"
    if found:
        assert found["pulumi-language-python"] == folder / "pulumi-language-python"


def test_the_users_pulumi_needs_its_language_host(tmp_path: Path) -> None:
    folder = pulumi(tmp_path / "own", "v3.300.0", host=False)
    notes: list[str] = []
    assert user_pulumi.find(PULUMI, tmp_path / "cache", notes.append, str(folder)) is None
    assert "pulumi-language-python" in notes[0]


def test_our_own_pulumi_on_path_is_not_taken_for_the_users(tmp_path: Path) -> None:
    folder = pulumi(tmp_path / "cache" / "bin", "v3.300.0")
    notes: list[str] = []
    assert user_pulumi.find(PULUMI, tmp_path / "cache", notes.append, str(folder)) is None
    assert notes == []


def test_the_bin_folder_holds_cached_programs_and_links_to_the_users(tmp_path: Path) -> None:
    own = pulumi(tmp_path / "own", "v3.300.0")
    (tmp_path / "kubectl").write_text("kubectl")
    store = Store(tmp_path / "cache")
    programs = {"kubectl": (tmp_path / "kubectl", "0" * 64)}
    folder = views.bin_folder(store, programs, {"pulumi": own / "pulumi"})
    assert sorted(path.name for path in folder.iterdir()) == ["kubectl", "pulumi"]
    assert (folder / "pulumi").resolve() == own / "pulumi"
    assert views.bin_folder(store, programs, {"pulumi": own / "pulumi"}) == folder


def test_go_on_path_is_used_only_if_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = spec.load().go
    program = tmp_path / "go"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert go.find(pinned) == go.Go(pinned.pypi_version, None), "there is none"
    for version, expected in (
        ("go1.99.0", go.Go("1.99.0", program)),
        ("go1.21.3", go.Go(pinned.pypi_version, None)),
    ):
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        assert go.find(pinned) == expected
