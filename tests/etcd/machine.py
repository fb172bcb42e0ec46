"""One real etcd member on a loopback address, started as etcd.service starts it."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kilonode.etcd import member, promote
from kilonode.etcd.client import Client, EtcdError
from kilonode.etcd.decision import Member, Wait, decide
from kilonode.etcd.declared import Declaration
from kilonode.etcd.gate import check_cluster
from kilonode.etcd.health import UnhealthyError
from kilonode.etcd.member import Places, Preparation
from kilonode.etcd.service import Service
from kilonode.etcd.this_member import ThisMember

UNIT = Path(__file__).parents[2] / "config/machines/etcd/etc/systemd/system/etcd.service"
CLIENT_PORT, PEER_PORT, METRICS_PORT = 2379, 2380, 2383
# On a busy host. How long the programs themselves wait is another matter.
_PUT_SECONDS = 60.0
# Elections in no time, and no disk to wait for. The last of two equal flags counts.
EXTRA_ARGS = "--heartbeat-interval=20 --election-timeout=200 --unsafe-no-fsync --log-level=error"


class Unit(Service):
    """What systemctl does to a machine's etcd.service."""

    def __init__(self, stop: Callable[[], None], start: Callable[[], None]) -> None:
        self._stop, self._start = stop, start

    def stop(self) -> None:
        self._stop()

    def start(self) -> None:
        self._start()


class Machine:
    """An etcd machine: its two disks are folders, its etcd is real."""

    def __init__(
        self,
        folder: Path,
        name: str,
        addresses: list[str],
        index: int,
        container: str,
        programs: Path,
        all_lost: str,
        learns: bool,
    ) -> None:
        """`index`: of its own address among `addresses`."""
        self.me = ThisMember(
            name=name,
            address=addresses[index],
            client_port=CLIENT_PORT,
            peer_port=PEER_PORT,
            peers=tuple(addresses[:index] + addresses[index + 1 :]),
            learns=learns,
            learner=addresses[-1],
        )
        self._programs = programs
        self.folder = folder / name
        self.places = Places(
            data=self.folder / "local/etcd",
            intention=self.folder / "os/etcd-founding",
            environment=self.folder / "run/etcd.env",
            pki=self.folder / "pki",
            bundle=self.folder / "os/bundle.json",
            etcd=str(programs / "etcd"),
            metrics=self.folder / "run/metrics",
            fio=str(self.folder / "fio"),
        )
        self.places.data.parent.mkdir(parents=True)
        self.places.intention.parent.mkdir()
        self.container = container
        self.quota_bytes = 8 << 30
        self.extra_args = EXTRA_ARGS
        vault, _, bundle = container.rpartition("/")
        self.parameters = {
            "BLOB_CONTAINER_URL": container,
            "BUNDLE_NAME": bundle,
            "ETCD_ALL_LOST": all_lost,
            "ETCD_FSYNC_FLOOR_MS": "10",
            "VAULT_URL": vault,
        }
        self.set_fsync(0.2)
        self._process: subprocess.Popen[bytes] | None = None

    def set_fsync(self, milliseconds: float) -> None:
        """What fio finds the local disk to take for 99 of 100 fsyncs."""
        job = {"sync": {"lat_ns": {"percentile": {"99.000000": milliseconds * 1e6}}}}
        fio = Path(self.places.fio)
        fio.write_text(f"#!/bin/sh\necho '{json.dumps({'jobs': [job]})}'\n")
        fio.chmod(0o755)

    @property
    def running(self) -> bool:
        """Whether an etcd was started that has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its etcd, while that runs."""
        assert self._process
        return self._process.pid

    @property
    def client(self) -> Client:
        return Client(CLIENT_PORT, self.places.pki)

    def preparation(self) -> Preparation:
        return Preparation(self.me, self.parameters, self.places)

    def declaration(self) -> Declaration:
        return Declaration(self.parameters, self.places.bundle)

    def boot(self) -> None:
        """Prepares and starts etcd unless it runs, and waits until it is what it is declared."""
        if not self._process:
            self.prepare()
            self.start()
        if not self.me.learns:
            self.wait_until_voter()

    def prepare(self) -> None:
        """What etcd-member.service does."""
        worker = threading.Thread(target=member.prepare, args=[self.preparation()], daemon=True)
        worker.start()
        worker.join(60)
        assert not worker.is_alive(), f"{self.me.name} still waits"

    def expect_waiting(self, word: str) -> None:
        """Acts until nothing can be done, which must be said with this word."""
        preparation = self.preparation()
        while not isinstance(step := decide(preparation.look()), Wait):
            assert not preparation.act(step), f"{self.me.name} does not wait: {step}"
        assert word in str(step)

    def start(self, *, wait: bool = True) -> None:
        """Starts etcd by the command in its unit; what follows its start is done if `wait`."""
        notify = self.folder / "run/notify"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(str(notify))
            ready.settimeout(30)
            self._process = subprocess.Popen(
                self.command(),
                env={"NOTIFY_SOCKET": str(notify), "PATH": os.environ["PATH"]},
                stdout=(self.folder / "etcd.log").open("ab"),
                stderr=subprocess.STDOUT,
            )
            if wait:
                assert b"READY=1" in ready.recv(1024), self.log()
                # ExecStartPost=
                self.places.intention.unlink(missing_ok=True)

    def command(self) -> list[str]:
        unit = UNIT.read_text().replace("\\\n", " ")
        found = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
        assert found
        environment = dict(
            line.split("=", 1) for line in self.places.environment.read_text().splitlines()
        )
        variables = {
            "ETCD_CLIENT_PORT": str(CLIENT_PORT),
            "ETCD_PEER_PORT": str(PEER_PORT),
            "ETCD_METRICS_PORT": str(METRICS_PORT),
            "ETCD_QUOTA_BYTES": str(self.quota_bytes),
            "ETCD_EXTRA_ARGS": self.extra_args,
            **{key: value.strip('"') for key, value in environment.items()},
        }
        text = re.sub(r"\$\{?(\w+)\}?", lambda name: variables[name[1]], found[1])
        # All machines share one loopback address here.
        text = text.replace(f",https://127.0.0.1:{CLIENT_PORT}", "")
        text = text.replace("/mnt/local/etcd", str(self.places.data))
        text = text.replace("/etc/kilonode/pki/etcd", str(self.places.pki))
        return [self.places.etcd, *shlex.split(text)[1:]]

    def wait_until_voter(self) -> None:
        def is_voter() -> bool:
            try:
                return promote.promoted(self.client, self.me)
            except EtcdError:
                return False

        eventually(is_voter, f"{self.me.name} is a voter")

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    @property
    def unit(self) -> Unit:
        return Unit(self.stop, self._start_unit)

    def _start_unit(self) -> None:
        self.prepare()
        self.start(wait=False)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def lose_local_disk(self) -> None:
        shutil.rmtree(self.places.data.parent)
        self.places.data.parent.mkdir()

    def is_healthy(self) -> bool:
        """Whether its gate is open."""
        try:
            check_cluster(self.client, self.me)
        except (EtcdError, UnhealthyError):
            return False
        return True

    def leads(self) -> bool:
        status = self.client.status(self.me.address)
        return status.leader == status.member_id

    def members(self) -> tuple[Member, ...]:
        return self.client.members(self.me.address)

    def etcdctl(self, *arguments: str) -> str:
        pki = self.places.pki
        return subprocess.run(
            [
                *(
                    str(self._programs / "etcdctl"),
                    f"--endpoints=https://{self.me.address}:{CLIENT_PORT}",
                ),
                *(f"--cacert={pki}/ca.crt", f"--cert={pki}/member.crt"),
                *(f"--key={pki}/member.key", *arguments),
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def put(self, key: str, value: bytes) -> None:
        """Raises EtcdError where etcd refuses the write."""
        told = {"key": key.encode(), "value": value}
        body = {name: base64.b64encode(each).decode() for name, each in told.items()}
        self.client._post(self.me.address, "kv/put", body, _PUT_SECONDS)

    def is_full(self) -> bool:
        """Writes something large, and tells whether that was refused."""
        try:
            self.put("key", bytes(100_000))
        except EtcdError as refused:
            return "database space exceeded" in str(refused)
        return False

    def log(self) -> str:
        return (self.folder / "etcd.log").read_text()

    def _end(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


def eventually(check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """The limit is a last resort, not a measure of speed."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
