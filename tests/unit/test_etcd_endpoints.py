"""Masters find etcd's members by asking, and start without an answer if they ever had one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from kilonode import etcd_endpoints
from kilonode.etcd_endpoints import voters
from kilonode.etcdctl import EVENTS as EVENTS_ETCD

CANDIDATES = [f"10.0.0.{number}" for number in range(10, 19)]


def member(number: int, **rest: Any) -> dict[str, Any]:
    return {"ID": number, "clientURLs": [f"https://10.0.0.{number}:2379"], **rest}


def test_members_are_the_voters_that_have_started() -> None:
    listed = [
        member(12),
        member(10),
        member(11, isLearner=True),
        {"ID": 13, "peerURLs": ["https://10.0.0.13:2380"]},
    ]
    assert voters({"members": listed}, CANDIDATES) == [
        "https://10.0.0.10:2379",
        "https://10.0.0.12:2379",
    ]


def test_an_address_that_is_no_members_is_not_taken() -> None:
    assert voters({"members": [member(99)]}, CANDIDATES) == []


class Machine:
    """A master whose etcd clusters answer as `answers` says: port -> client URLs."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[int, list[str]] = {}
        self.servers = directory / "etcd-servers.env"
        environment = {"ETCD_CANDIDATES": "10.0.0.10", "EVENTS_CANDIDATES": "10.0.0.30"}
        monkeypatch.setattr(etcd_endpoints, "SERVERS_FILE", self.servers)
        monkeypatch.setattr(etcd_endpoints, "LAST_GOOD", directory / "etcd-servers.json")
        monkeypatch.setattr(etcd_endpoints, "environment", lambda: environment)
        monkeypatch.setattr(
            etcd_endpoints, "ask", lambda cluster, _: self.answers.get(cluster.port, [])
        )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


MAIN = ["https://10.0.0.10:2379", "https://10.0.0.11:2379"]
EVENTS = ["https://10.0.0.30:2381", "https://10.0.0.31:2381"]
BOTH = f'ETCD_SERVERS="{",".join(MAIN)}"\nEVENTS_SERVERS="{";".join(EVENTS)}"\n'


def test_servers_are_separated_as_the_documents_write_them_d3(machine: Machine) -> None:
    machine.answers = {2379: MAIN, 2381: EVENTS}
    etcd_endpoints.main()
    assert machine.servers.read_text() == BOTH


def test_a_cluster_that_does_not_answer_is_where_it_was(machine: Machine) -> None:
    """An apiserver that restarts while etcd is away comes back as soon as etcd does."""
    machine.answers = {2379: MAIN, 2381: EVENTS}
    etcd_endpoints.main()
    machine.servers.unlink()
    machine.answers = {2379: MAIN}
    etcd_endpoints.main()
    assert machine.servers.read_text() == BOTH


def test_members_that_joined_and_left_are_seen_at_the_next_start(machine: Machine) -> None:
    machine.answers = {2379: MAIN, 2381: EVENTS}
    etcd_endpoints.main()
    machine.answers = {2379: MAIN[:1], 2381: EVENTS}
    etcd_endpoints.main()
    assert machine.servers.read_text().startswith(f'ETCD_SERVERS="{MAIN[0]}"\n')


def test_a_new_master_waits_for_both_clusters(machine: Machine) -> None:
    machine.answers = {2379: MAIN}
    with pytest.raises(SystemExit, match="events"):
        etcd_endpoints.main()
    assert not machine.servers.exists()


def test_all_candidates_are_asked_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """etcdctl takes whichever answers; one by one, missing members would cost a time-out each."""
    calls: list[list[str]] = []

    def run(arguments: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        calls.append(arguments)
        return subprocess.CompletedProcess(arguments, 1, b"", b"")

    monkeypatch.setattr("kilonode.etcdctl.subprocess.run", run)
    assert etcd_endpoints.ask(EVENTS_ETCD, ["10.0.0.30", "10.0.0.31"]) == []
    ((_, endpoints, *_),) = calls
    assert endpoints == "--endpoints=https://10.0.0.30:2381,https://10.0.0.31:2381"
