"""A disk that takes long to keep a write slows the whole cluster: nobody begins on one.

What is measured and how is fio's; that it measures a machine's real disk is a cluster test.
"""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from kilonode import metrics
from kilonode.etcd import fsync
from kilonode.etcd.decision import Join, Restart, Wait, decide
from kilonode.etcd.fsync import LocalDisk

from config.user_data import MACHINES
from tests.unit.etcd_machines import Launch
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


def test_a_blank_member_does_not_join_on_a_slow_disk(machine: Launch) -> None:
    """And joins as soon as the disk is as fast as it should be: it may have been a neighbour."""
    founder, slow = machine("a"), machine("b")
    founder.boot()
    slow.set_fsync(12)
    preparation = slow.preparation()
    step = decide(preparation.look())
    assert isinstance(step, Wait)
    assert "99 % of fsyncs take up to 12.00 ms, 10 may" in step.reason
    assert told(slow.places.metrics) == {FLOOR: 0.01, P99: 0.012}
    assert len(founder.members()) == 1
    slow.set_fsync(8)
    assert isinstance(decide(preparation.look()), Wait), "measured again without a pause"
    preparation._disk._until = 0
    assert isinstance(decide(preparation.look()), Join)
    assert told(slow.places.metrics) == {FLOOR: 0.01, P99: 0.008}


def test_no_cluster_is_founded_on_a_slow_disk(machine: Launch) -> None:
    founder = machine("a")
    founder.set_fsync(11)
    assert isinstance(decide(founder.preparation().look()), Wait)


def test_a_member_with_data_starts_on_a_slow_disk_and_says_so(machine: Launch) -> None:
    """Its data is worth more: in a cluster that has lost its quorum all depends on it."""
    member = machine("a")
    member.boot()
    member.stop()
    for file in member.places.metrics.glob("*"):
        file.unlink()
    member.set_fsync(50)
    assert isinstance(decide(member.preparation().look()), Restart)
    assert told(member.places.metrics) == {FLOOR: 0.01, P99: 0.05}


def test_an_etcd_that_fails_again_and_again_is_not_kept_by_measurements(machine: Launch) -> None:
    member = machine("a")
    member.boot()
    member.stop()
    member.set_fsync(50)
    decide(member.preparation().look())
    assert told(member.places.metrics)[P99] == 0.0002, "measured once since the machine booted"


def test_a_learner_may_have_a_slow_disk(machine: Launch) -> None:
    """Nobody waits for what it writes."""
    founder, learner = machine("a"), machine("b")
    founder.boot()
    learner.me = replace(learner.me, learns=True)
    learner.set_fsync(12)
    assert isinstance(decide(learner.preparation().look()), Join)
    assert told(learner.places.metrics)[P99] == 0.012


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
        environment = {"PATH": str(tmp_path), "FIO_PACKAGE": "fio=3"}
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
