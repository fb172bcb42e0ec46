"""etcd-care, run each minute beside a real member, or while there is none."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from kilonode import metrics
from kilonode.etcd import care, care_memory, certificates

from tests.etcd.machine import Machine
from tests.etcd.world import Launch


def test_prometheus_is_told_when_certificates_end(machine: Launch) -> None:
    """The harness' end in an hour."""
    told = certificates.samples(machine("a").places.pki)
    assert [sample.labels["file"] for sample in told] == ["ca.crt", "member.crt"]
    for sample in told:
        assert 3000 < sample.value - time.time() < 3700


@pytest.fixture
def program(
    machine: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Machine, Callable[[], str]]:
    """A machine, and what Prometheus is told after a run of its etcd-care."""
    made, told = machine("a"), tmp_path / "metrics"
    monkeypatch.setattr(care, "environment", dict)
    monkeypatch.setattr(care, "this_member", lambda _: made.me)
    monkeypatch.setattr(care, "PKI", made.places.pki)
    monkeypatch.setattr(care, "MEMORY", tmp_path / "memory.json")
    write = partial(metrics.write, folder=told)
    monkeypatch.setattr(care, "metrics", SimpleNamespace(write=write))

    def run() -> str:
        care.main()
        return metrics.read(told).decode()

    return made, run


def test_each_run_goes_on_from_what_the_one_before_knew(
    program: tuple[Machine, Callable[[], str]],
) -> None:
    member, run = program
    member.boot()
    run()
    told = run()
    assert len(care_memory.load(care.MEMORY).revisions) == 2
    assert 'kilonode_etcd_alarms{alarm="NOSPACE"} 0' in told
    assert "kilonode_etcd_care_defragmentations_total 0" in told
    assert "kilonode_etcd_care_last_run_timestamp_seconds 0" not in told


def test_a_run_without_an_etcd_ends_well_and_tells_of_the_certificates(
    program: tuple[Machine, Callable[[], str]],
) -> None:
    """A unit that fails each minute would hide those that fail for a reason."""
    _, run = program
    told = run()
    assert 'kilonode_certificate_expiry_timestamp_seconds{file="member.crt"}' in told
    assert "kilonode_etcd_alarms" not in told, "nobody knows of any"
    assert "kilonode_etcd_care_last_run_timestamp_seconds 0" in told, "an alert is due"
