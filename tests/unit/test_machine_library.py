"""What every program on a machine builds on."""

import stat
import subprocess
from pathlib import Path

import pytest
from kilonode import machine, units


def test_a_program_reads_what_the_user_data_wrote(tmp_path: Path) -> None:
    file = tmp_path / "machine.env"
    file.write_text('ETCD_CANDIDATES="10.0.0.10 10.0.0.11"\nETCD_EXTRA_ARGS=""\nROLE="etcd"\n')
    assert machine.environment(file) == {
        "ETCD_CANDIDATES": "10.0.0.10 10.0.0.11",
        "ETCD_EXTRA_ARGS": "",
        "ROLE": "etcd",
    }


@pytest.mark.parametrize("name", ["cpu-a-00000A", "cpu-a-00000A.internal.cloudapp.net"])
def test_names_are_lower_case_and_short(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: name)
    assert machine.hostname() == "cpu-a-00000a"


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_written_with_its_mode_and_leaves_nothing_beside_it(
    mode: int, tmp_path: Path
) -> None:
    target = tmp_path / "new" / "file"
    for content in (b"old", b"new"):
        machine.write_atomically(target, content, mode)
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert list(target.parent.iterdir()) == [target]


def test_a_write_that_was_killed_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".file.part").write_bytes(b"half")
    machine.write_atomically(tmp_path / "file", b"whole", 0o600)
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_program_that_waits_says_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    journal = machine.Journal()
    for message in ("one", "one", "two", "one"):
        journal.say(message)
    assert capsys.readouterr().err.splitlines() == ["one", "two", "one"]


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """ActiveState of each unit, as systemd tells it."""
    known: dict[str, str] = {}

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        told = known[command[-1]] if command[0] == "systemctl" else "its newest line"
        return subprocess.CompletedProcess(command, 0, told + "\n")

    monkeypatch.setattr("subprocess.run", run)
    return known


def test_a_gate_names_the_first_unit_that_it_waits_for(states: dict[str, str]) -> None:
    states |= {"a.service": "active", "b.service": "activating", "c.service": "inactive"}
    assert units.first_inactive(["a.service"]) is None
    assert units.first_inactive(states) == "b.service is activating: its newest line"


def test_a_gate_does_not_wait_for_what_has_failed(states: dict[str, str]) -> None:
    states |= {"a.service": "failed", "b.service": "inactive"}
    with pytest.raises(units.FailedError, match=r"a\.service has failed: its newest line"):
        units.first_inactive(states)
