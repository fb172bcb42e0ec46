"""Decides what this machine's etcd starts as, and prepares it. Runs before every start of etcd."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kilonode import bundle, metrics, web
from kilonode.etcd import birth_record, data_dir, lost_reports, snapshot
from kilonode.etcd.client import Client, EtcdError
from kilonode.etcd.decision import (
    Found,
    Join,
    Member,
    Record,
    Remove,
    Report,
    Restart,
    SetAside,
    Situation,
    StartNew,
    Step,
    TakeBack,
    Unreadable,
    Wait,
    cluster_of_one,
    decide,
)
from kilonode.etcd.declared import Declaration
from kilonode.etcd.fsync import LocalDisk
from kilonode.etcd.snapshot import SnapshotError, Workshop
from kilonode.etcd.this_member import PKI, ThisMember, this_member
from kilonode.machine import Journal, environment, write_atomically

_PAUSE_SECONDS = 3.0


@dataclass(frozen=True)
class Places:
    """Where things lie on the machine. `intention`: removed by etcd.service once etcd is up."""

    data: Path = data_dir.DATA
    intention: Path = Path("/var/lib/kilonode/etcd-founding")
    environment: Path = Path("/run/kilonode/etcd.env")
    pki: Path = PKI
    bundle: Path = bundle.KEPT
    metrics: Path = metrics.FOLDER
    etcd: str = "/opt/kilonode/bin/etcd"
    fio: str = "fio"


class Preparation:
    """Looks, decides and acts until etcd can start."""

    def __init__(self, me: ThisMember, parameters: Mapping[str, str], places: Places) -> None:
        """Raises OSError if the certificates are not there."""
        self._me = me
        self._refounds = parameters["ETCD_ALL_LOST"] == "reinitialise"
        self._declaration = Declaration(parameters, places.bundle)
        self._container = parameters["BLOB_CONTAINER_URL"].rstrip("/")
        self._places = places
        floor = int(parameters["ETCD_FSYNC_FLOOR_MS"]) / 1000
        self._disk = LocalDisk(places.data.parent, floor, places.metrics, places.fio)
        self._client = Client(me.client_port, places.pki)
        self._workshop = Workshop(
            machine=me.name,
            container=self._container,
            client_port=me.client_port,
            pki=places.pki,
            programs=Path(places.etcd).parent,
            scratch=places.data.with_name("etcd-scratch"),
        )
        self._saved_from = 0

    def look(self) -> Situation:
        """Raises one of web.ERRORS, but not where there is data."""
        data = data_dir.read(self._places.data)
        # First, as it may take a minute, and what others answer must not be old by then.
        declared = None if data else self._declaration.look_up()
        # The record last: whoever answered before it changed is of a cluster that it may end.
        answers = self._client.answers(self._me.peers)
        record = birth_record.read(self._container)
        reported: frozenset[str] = frozenset()
        if self._refounds and isinstance(record, Record):
            try:
                reported = lost_reports.names(self._container, record.cluster_id)
            except web.ERRORS as error:
                record = Unreadable(str(error))
        # Nobody waits for a learner's disk.
        begins = not data and not self._me.learns
        if not begins:
            self._disk.measure_once_a_boot()
        intention = self._places.intention
        return Situation(
            name=self._me.name,
            peer_url=self._me.peer_url,
            version=etcd_version(self._places.etcd),
            data=data,
            intention=intention.read_text() if intention.exists() else None,
            declared=declared,
            answers=answers,
            record=record,
            refounds=self._refounds,
            reported=reported,
            objection=self._disk.objection() if begins else None,
        )

    def act(self, step: Step) -> bool:
        """True when etcd can start. Raises EtcdError, SnapshotError or one of web.ERRORS."""
        self._tell(step)
        match step:
            case Found(over):
                self._found(over)
            case Report(cluster_id):
                lost_reports.make(self._container, cluster_id, self._me.name)
            case TakeBack(cluster_id):
                lost_reports.take_back(self._container, cluster_id, self._me.name)
            case SetAside():
                data_dir.set_aside(self._places.data)
            case Remove(member, ask):
                self._save(member, ask)
                self._client.remove(ask, member.id)
            case Restart():
                self._write_environment("existing", "unused", ())
            case StartNew(token):
                data_dir.clear(self._places.data)
                self._write_environment("new", token, ())
            case Join(ask):
                data_dir.clear(self._places.data)
                members = self._client.add_learner(ask, self._me.peer_url)
                self._write_environment("existing", "unused", members)
        return isinstance(step, Restart | StartNew | Join)

    def _save(self, member: Member, ask: str) -> None:
        """What the cluster is before it loses a vote. Once, however often that is tried."""
        if not member.is_learner and member.id != self._saved_from:
            snapshot.take(ask, self._workshop, reason="replace")
            self._saved_from = member.id

    def _found(self, over: Record | None) -> None:
        """The intention comes first: whoever is killed in between finds out by it.

        An earlier one counts on, since its record may be on its way.
        """
        intention = self._places.intention
        if not intention.exists():
            write_atomically(intention, secrets.token_hex(8).encode(), 0o600)
        token = intention.read_text()
        cluster_id = cluster_of_one(self._me.peer_url, token)
        birth_record.write(self._container, Record(self._me.name, token, cluster_id), over=over)

    def _tell(self, step: Step) -> None:
        """Tells Prometheus what was decided, and when."""
        decision = {"step": type(step).__name__}
        samples = [
            metrics.Sample("kilonode_etcd_member_decision", 1, decision),
            metrics.Sample("kilonode_etcd_member_decision_time_seconds", time.time()),
        ]
        metrics.write("etcd-member", samples, self._places.metrics)

    def _write_environment(self, state: str, token: str, members: Sequence[Member]) -> None:
        """What etcd.service reads. etcd itself looks at it only where it has no data."""
        cluster = [
            (self._me.name if self._me.peer_url in member.peer_urls else _label(member), url)
            for member in members
            for url in member.peer_urls
        ] or [(self._me.name, self._me.peer_url)]
        variables = {
            "MEMBER_NAME": self._me.name,
            "MEMBER_ADDRESS": self._me.address,
            "INITIAL_CLUSTER": ",".join(f"{name}={url}" for name, url in cluster),
            "INITIAL_CLUSTER_STATE": state,
            "INITIAL_CLUSTER_TOKEN": token,
        }
        text = "".join(f'{key}="{value}"\n' for key, value in variables.items())
        write_atomically(self._places.environment, text.encode(), 0o644)


def _label(member: Member) -> str:
    """A member that has not started has no name yet, but etcd wants one in its list."""
    return member.name or f"{member.id:x}"


def etcd_version(program: str) -> str:
    """As in 3.6.14. Raises OSError or ValueError."""
    done = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout.startswith("etcd Version: "):
        raise ValueError(f"{program} does not tell its version")
    return done.stdout.split()[2]


def prepare(preparation: Preparation) -> None:
    """Returns when etcd can start; until then the journal says what it waits for."""
    journal = Journal()
    while True:
        try:
            step = decide(preparation.look())
            journal.say(str(step))
            if preparation.act(step):
                return
            if not isinstance(step, Wait):
                continue
        except (EtcdError, SnapshotError, *web.ERRORS) as error:
            journal.say(f"looking again: {error}")
        time.sleep(_PAUSE_SECONDS)


def main() -> None:
    parameters = environment()
    prepare(Preparation(this_member(parameters), parameters, Places()))


if __name__ == "__main__":
    main()
