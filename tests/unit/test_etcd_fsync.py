"""How long a disk takes to keep a write is measured before anybody begins on it.

What is measured and how is fio's; that it measures a machine's real disk is a cluster test.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kilonode import metrics
from kilonode.etcd import fsync
from kilonode.etcd.fsync import LocalDisk

from config.user_data import MACHINES
from tests.unit.test_machine_units import unit, values

FLOOR = "kilonode_etcd_disk_fsync_floor_seconds"
P99 = "kilonode_etcd_disk_fsync_p99_seconds"


def told(folder: Path) -> dict[str, float]:
    """What Prometheus is told, by metric."""
    lines = metrics.read(folder).decode().splitlines()
    return {
        name: float(value)
        for name, value in (line.split() for line in lines if not line.startswith("#"))
        if name in (FLOOR, P99)
    }


def test_a_disk_that_takes_no_writes_is_too_slow(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path, 0.01, tmp_path / "metrics", fio="false")
    assert "does not take writes" in (disk.objection() or "")


def test_without_fio_the_disk_is_told_to_be_unmeasured(tmp_path: Path) -> None:
    """An archive of packages that is down must not keep a member away, but somebody has to know."""
    disk = LocalDisk(tmp_path, 0.01, tmp_path / "metrics", fio="/nonexistent/fio")
    assert disk.objection() is None
    assert told(tmp_path / "metrics") == {FLOOR: 0.01}


def test_fio_writes_as_etcd_does_on_the_disk_in_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def run(command: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        (tmp_path / "fsync-check").touch()
        shown = '{"jobs": [{"sync": {"lat_ns": {"percentile": {"99.000000": 1105920}}}}]}'
        return subprocess.CompletedProcess(command, 0, shown)

    monkeypatch.setattr("subprocess.run", run)
    assert fsync.measure(tmp_path) == pytest.approx(0.00110592)
    assert not list(tmp_path.iterdir())
    assert f"--filename={tmp_path}/fsync-check" in asked[0]
    assert {"--rw=write", "--fdatasync=1", "--bs=2300"} <= set(asked[0])


@pytest.fixture
def install_fio(tmp_path: Path) -> Callable[[], list[str]]:
    """Runs the script where there are only these programs; gives their calls."""
    log = tmp_path / "calls"
    for name in ("dpkg", "apt-get"):
        program = tmp_path / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >>{log}\n')
        program.chmod(0o755)

    def run() -> list[str]:
        script = MACHINES / "etcd/opt/kilonode/bin/install-fio"
        environment = {"PATH": str(tmp_path), "FIO_PACKAGE": "fio=3", "APT_SNAPSHOT": "x"}
        subprocess.run(["/bin/bash", script], env=environment, check=True)
        return log.read_text().splitlines() if log.exists() else []

    return run


def test_fio_is_installed_also_after_a_boot_that_was_cut_off(
    install_fio: Callable[[], list[str]],
) -> None:
    first, *_, last = install_fio()
    assert first == "dpkg --configure --pending"
    assert last.startswith("apt-get ")
    assert last.endswith(" install fio=3")


def test_an_image_that_has_fio_keeps_it(
    install_fio: Callable[[], list[str]], tmp_path: Path
) -> None:
    (tmp_path / "fio").write_text("#!/bin/bash\n")
    (tmp_path / "fio").chmod(0o755)
    assert install_fio() == []


def test_a_restart_does_not_wait_for_fio() -> None:
    """Ordered after it, but neither wanted nor required: a failed installation is not repeated."""
    text = unit("etcd", "etcd-member.service")
    assert "fio.service" in values(text, "After")
    assert "fio.service" not in values(text, "Requires") + values(text, "Wants")
