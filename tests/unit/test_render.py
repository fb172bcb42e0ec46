"""python -m config.render: the machine files of each role, as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import render
from config.user_data import MACHINES


def run(monkeypatch: pytest.MonkeyPatch, stack: str, out: Path) -> None:
    monkeypatch.setattr("sys.argv", ["render", "--stack", stack, "--out", str(out)])
    render.main()


def test_every_role_of_prod_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "prod", tmp_path / "out")
    roles = {path.name for path in (tmp_path / "out").iterdir()}
    assert roles == {"etcd", "events", "master", "node-system", "node-cpu", "node-gpu"}
    assert "Standard_NC64as_T4_v3" in capsys.readouterr().err
    for source in (MACHINES / "etcd").rglob("*.service"):
        written = tmp_path / "out/etcd" / source.relative_to(MACHINES / "etcd")
        assert written.read_text() == source.read_text()
        assert (tmp_path / "out/etcd/etc/kilonode/machine.env").stat().st_mode & 0o777 == 0o644


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").write_text("")
    with pytest.raises(SystemExit, match="is not empty"):
        run(monkeypatch, "prod", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_an_unknown_stack_is_said_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="kilonode: no stack 'prd'"):
        run(monkeypatch, "prd", tmp_path)
