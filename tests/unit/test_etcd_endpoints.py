"""Masters find etcd's members by asking, and start without an answer if they ever had one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from kilonode import etcd_endpoints, etcd_follow
from kilonode.etcd_endpoints import voters
from kilonode.etcdctl import EVENTS as EVENTS_ETCD
from kilonode.etcdctl import Etcdctl
from kilonode.machine import environment

from config.user_data import MACHINES

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
        variables = {"ETCD_CANDIDATES": "10.0.0.10", "EVENTS_CANDIDATES": "10.0.0.30"}
        monkeypatch.setattr(etcd_endpoints, "SERVERS_FILE", self.servers)
        monkeypatch.setattr(etcd_endpoints, "LAST_GOOD", directory / "etcd-servers.json")
        monkeypatch.setattr(
            etcd_endpoints,
            "environment",
            lambda *file: environment(*file) if file else variables,
        )
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


class Restarts:
    """What etcd-follow asks etcd for, besides members; `code`: how that ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> None:
        self.commands: list[tuple[str, ...]] = []
        self._code = code
        monkeypatch.setattr(etcd_follow, "environment", lambda: {"ETCD_CANDIDATES": "10.0.0.10"})
        monkeypatch.setattr(Etcdctl, "ask", self._ask)

    def _ask(self, *asked: object) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(tuple(str(word) for word in asked[-3:]))
        return subprocess.CompletedProcess([], self._code, b"", b"no leader")


def started(machine: Machine, main: list[str], events: list[str]) -> None:
    """As an apiserver's start leaves the machine."""
    machine.answers = {2379: main, 2381: events}
    etcd_endpoints.main()


@pytest.mark.parametrize(
    ("main", "events"),
    [([*MAIN, "https://10.0.0.12:2379"], EVENTS), (MAIN, ["https://10.0.0.1:2381"])],
)
def test_an_apiserver_that_does_not_know_a_member_is_restarted_in_turn(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, main: list[str], events: list[str]
) -> None:
    """Once all that it knew are gone, it has no etcd any more. Two masters at a time would be an
    API that is away; etcd's own lock sees to that."""
    started(machine, MAIN, EVENTS)
    restarts = Restarts(monkeypatch)
    machine.answers = {2379: main, 2381: events}
    etcd_follow.main()
    lock, program = "kilonode/apiserver-restart", "/opt/kilonode/bin/restart-apiserver"
    assert restarts.commands == [("lock", lock, program)]


@pytest.mark.parametrize("main", [MAIN, MAIN[:1], []])
def test_members_that_left_or_do_not_answer_restart_no_apiserver(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, main: list[str]
) -> None:
    """A rolling replacement takes each member away and brings it back: nothing to restart for."""
    started(machine, MAIN, EVENTS)
    restarts = Restarts(monkeypatch)
    machine.answers = {2379: main}
    etcd_follow.main()
    assert restarts.commands == []


def test_no_apiserver_is_restarted_while_it_could_not_start(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts with both clusters or not at all: master by master, the API would be gone."""
    started(machine, MAIN[:1], EVENTS)
    restarts = Restarts(monkeypatch)
    machine.answers = {2379: MAIN}
    etcd_follow.main()
    assert restarts.commands == []


def test_an_apiserver_that_could_not_be_restarted_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(machine, MAIN[:1], EVENTS)
    Restarts(monkeypatch, code=1)
    machine.answers = {2379: MAIN, 2381: EVENTS}
    with pytest.raises(SystemExit, match="no leader"):
        etcd_follow.main()


def test_masters_look_for_new_members_by_themselves_and_not_all_at_once() -> None:
    timer = (MACHINES / "master/etc/systemd/system/etcd-follow.timer").read_text()
    assert "OnUnitInactiveSec=2min" in timer
    assert "RandomizedDelaySec=1min" in timer


def test_the_masters_gate_does_what_is_due_at_once() -> None:
    """An update that changes members ends when every apiserver knows them."""
    gate = (MACHINES / "master/opt/kilonode/bin/gate").read_text()
    assert "systemctl start etcd-follow.service" in gate
