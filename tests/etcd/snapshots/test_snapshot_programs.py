"""The programs of snapshots, run as a person or a timer on the machine runs them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from kilonode import metrics
from kilonode.etcd import (
    birth_record,
    restore,
    snapshot,
    snapshot_schedule,
)

from tests.etcd.machine import METRICS_PORT, Machine
from tests.etcd.snapshots.clusters import (
    COUNT,
    born,
    kept,
    lose,
)
from tests.etcd.snapshots.programs import workshop
from tests.etcd.world import Launch
from tests.unit.blob_store import Store

metrics_write = metrics.write


def run_on(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, module: ModuleType, *arguments: str
) -> None:
    """Runs the program as a person on this machine does."""
    parameters = {
        **machine.parameters,
        "CLUSTER_NAME": "prod",
        "ETCD_METRICS_PORT": str(METRICS_PORT),
        "ETCD_SNAPSHOT_MINUTES": "15",
    }
    monkeypatch.setattr(module, "environment", lambda: parameters)
    monkeypatch.setattr(module, "this_member", lambda _: machine.me)
    monkeypatch.setattr(snapshot, "workshop", lambda *_: workshop(machine))
    monkeypatch.setattr(restore, "Places", lambda: machine.places)
    monkeypatch.setattr(restore, "Service", lambda: machine.unit)
    monkeypatch.setattr("sys.argv", ["program", *arguments])
    module.main()


def test_the_program_shows_asks_and_restores(
    machine: Launch,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (a,) = born(machine, "a")
    (source,) = kept(a)
    run_on(a, monkeypatch, restore, "--list")
    assert source.name in capsys.readouterr().out
    run_on(a, monkeypatch, restore, "--scratch", str(tmp_path / "rehearsal"))
    assert "can be restored" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="not restored: a quorum lives"):
        run_on(a, monkeypatch, restore, "--yes", "prod")
    lose(a)
    before = birth_record.read(a.container)
    with pytest.raises(SystemExit, match=r"nothing was changed; to restore: .* --yes prod"):
        run_on(a, monkeypatch, restore)
    with pytest.raises(SystemExit, match="this machine is of cluster prod, not dev"):
        run_on(a, monkeypatch, restore, "--yes", "dev")
    assert birth_record.read(a.container) == before
    run_on(a, monkeypatch, restore, "--yes", "prod")
    assert "restored: prod-etcd-a is the cluster" in capsys.readouterr().out
    assert a.client.count(a.me.address) == COUNT


def test_without_a_snapshot_there_is_nothing_to_rehearse(
    machine: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="not restored: there is no snapshot"):
        run_on(machine("a"), monkeypatch, restore, "--scratch", str(tmp_path / "rehearsal"))


def test_the_scheduled_program_tells_prometheus_and_fails_loudly(
    machine: Launch, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = machine("a")
    a.boot()
    folder = a.places.metrics
    monkeypatch.setattr(
        metrics, "write", lambda name, samples: metrics_write(name, samples, folder)
    )
    run_on(a, monkeypatch, snapshot_schedule)
    told = metrics.read(folder).decode()
    assert "kilonode_etcd_snapshot_failed 0.0" in told
    assert "kilonode_etcd_snapshot_newest_revision 1" in told
    assert "kilonode_etcd_snapshot_duration_seconds" in told
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "MORE_BYTES", 1 << 60)
        with pytest.raises(SystemExit, match=r"no snapshot: .* are needed"):
            run_on(a, monkeypatch, snapshot_schedule, "--own")
    told = metrics.read(folder).decode()
    assert "kilonode_etcd_snapshot_failed 1.0" in told
    assert "kilonode_etcd_snapshot_newest_revision 1" in told
    store.down = True
    with pytest.raises(SystemExit, match=r"no snapshot: .*503"):
        run_on(a, monkeypatch, snapshot_schedule)
    assert "kilonode_etcd_snapshot_failed 1.0" in metrics.read(folder).decode()
