"""Real etcd members on loopback addresses, started as etcd.service starts them."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from kilonode.etcd import member, promote
from kilonode.etcd.client import Client, EtcdError
from kilonode.etcd.decision import Member, Wait, decide
from kilonode.etcd.declared import Declaration
from kilonode.etcd.member import Places, Preparation
from kilonode.etcd.snapshot import Workshop
from kilonode.etcd.this_member import ThisMember

from tests.unit.http_server import Answer, Request

UNIT = Path(__file__).parents[2] / "config/machines/etcd/etc/systemd/system/etcd.service"
CLIENT_PORT, PEER_PORT, METRICS_PORT = 2379, 2380, 2383
# Elections in no time, and no disk to wait for. The last of two equal flags counts.
EXTRA_ARGS = "--heartbeat-interval=20 --election-timeout=200 --unsafe-no-fsync --log-level=error"


class Authority:
    """An etcd authority that certifies members for server, peer and client use."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etcd")])
        self._certificate = (
            self._builder(name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def certify(self, folder: Path, name: str, address: str) -> None:
        """Writes ca.crt, member.crt and member.key."""
        folder.mkdir(parents=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        # etcd compares a peer's addresses with where it comes from, which is 127.0.0.1 here.
        addresses = [ipaddress.ip_address(address), ipaddress.ip_address("127.0.0.1")]
        names = [x509.DNSName(name), *map(x509.IPAddress, addresses)]
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            self._builder(subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        (folder / "ca.crt").write_bytes(self._certificate.public_bytes(pem))
        (folder / "member.crt").write_bytes(certificate.public_bytes(pem))
        (folder / "member.key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etcd")]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )


class Store:
    """The metadata service's tokens, and one account of Blob storage."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.modified: dict[str, float] = {}
        self.down = False
        self._blocks: dict[str, bytes] = {}

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/metadata/"):
            return Answer(json.dumps({"access_token": "T"}).encode())
        assert request.headers["authorization"] == "Bearer T"
        if self.down:
            return Answer(status=503)
        path, _, query = request.path.partition("?")
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        if asked.get("comp") == "list":
            return self._list(path, asked["prefix"])
        if request.method == "PUT":
            return self._put(path, request, asked)
        if path not in self.blobs:
            return _refusal(404, "BlobNotFound")
        if request.method == "DELETE":
            return self._refusal(path, request.headers) or self._delete(path)
        return self._get(path, request.headers)

    def _get(self, path: str, headers: Mapping[str, str]) -> Answer:
        content, etag = self.blobs[path], {"ETag": self._etag(path)}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
        if not wanted:
            return Answer(content, headers=etag)
        part = content[int(wanted[1]) : int(wanted[2]) + 1]
        told = f"bytes {wanted[1]}-{int(wanted[1]) + len(part) - 1}/{len(content)}"
        return Answer(part, 206, {**etag, "Content-Range": told})

    def _put(self, path: str, request: Request, asked: Mapping[str, str]) -> Answer:
        if asked.get("comp") == "block":
            self._blocks[path + asked["blockid"]] = request.body
            return Answer(status=201)
        refusal = self._refusal(path, request.headers)
        if refusal:
            return refusal
        content = request.body
        if asked.get("comp") == "blocklist":
            ids = re.findall(r"<Latest>(.*?)</Latest>", content.decode())
            content = b"".join(self._blocks.pop(path + id) for id in ids)
        else:
            assert request.headers["x-ms-blob-type"] == "BlockBlob"
        self.blobs[path] = content
        self.modified[path] = time.time()
        return Answer(status=201)

    def _delete(self, path: str) -> Answer:
        del self.blobs[path]
        return Answer(status=202)

    def _list(self, container: str, prefix: str) -> Answer:
        entries = "".join(
            f"<Blob><Name>{path.removeprefix(container + '/')}</Name><Properties>"
            f"<Last-Modified>{formatdate(self.modified[path], usegmt=True)}</Last-Modified>"
            f"<Content-Length>{len(content)}</Content-Length></Properties></Blob>"
            for path, content in sorted(self.blobs.items())
            if path.startswith(f"{container}/{prefix}")
        )
        text = f"<EnumerationResults><Blobs>{entries}</Blobs><NextMarker /></EnumerationResults>"
        return Answer(text.encode())

    def _refusal(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        if headers.get("if-none-match") == "*" and path in self.blobs:
            return _refusal(409, "BlobAlreadyExists")
        if "if-match" in headers and headers["if-match"] != self._etag(path):
            return _refusal(412, "ConditionNotMet")
        return None

    def _etag(self, path: str) -> str:
        return f'"{hashlib.sha256(self.blobs[path]).hexdigest()}"' if path in self.blobs else ""


def _refusal(status: int, code: str) -> Answer:
    return Answer(status=status, headers={"x-ms-error-code": code})


class World:
    """The machines of one cluster, by letter: a is the founder, i the last that there can be.

    All of them are declared, unless `declare` says otherwise.
    """

    def __init__(
        self,
        folder: Path,
        programs: Path,
        container: str,
        all_lost: str = "wait",
        authority: Authority | None = None,
    ) -> None:
        """programs: folder of etcd and etcdctl; container: URL for the birth record.

        all_lost: what the cluster does then, `wait` or `reinitialise`.
        authority: that of other clusters too; unless it is given, the cluster has its own.
        """
        network = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}"
        self._addresses = [f"{network}.{10 + index}" for index in range(9)]
        self._authority = authority or Authority()
        self._folder, self._programs, self._container = folder, programs, container
        self._all_lost = all_lost
        self._machines: dict[str, Machine] = {}
        self._declared = ""
        self._learner = ""
        self.declare("abcdefghi")

    def declare(self, voters: str, *, learner: str = "") -> None:
        """The first of the voters may found the cluster. On all machines, as a bundle brings it."""
        addresses = {
            f"prod-etcd-{chr(ord('a') + index)}": address
            for index, address in enumerate(self._addresses)
        }
        names = [f"prod-etcd-{letter}" for letter in voters]
        self._learner = name = f"prod-etcd-{learner}"
        self._declared = json.dumps(
            {
                "founder": names[0],
                "voters": {name: addresses[name] for name in names},
                "learner": {"name": name, "address": addresses[name]} if learner else None,
            }
        )
        for each in self._machines.values():
            each.declared.write_text(self._declared)

    def machine(self, letter: str) -> Machine:
        if letter not in self._machines:
            name, index = f"prod-etcd-{letter}", ord(letter) - ord("a")
            made = Machine(
                self._folder,
                name,
                self._addresses,
                index,
                self._container,
                self._programs,
                self._all_lost,
                learns=name == self._learner,
            )
            self._authority.certify(made.places.pki, name, self._addresses[index])
            made.declared.write_text(self._declared)
            self._machines[letter] = made
        return self._machines[letter]

    def end(self) -> None:
        for machine in self._machines.values():
            machine.kill()


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
        )
        self._programs = programs
        self.folder = folder / name
        self.places = Places(
            data=self.folder / "local/etcd",
            intention=self.folder / "os/etcd-founding",
            environment=self.folder / "run/etcd.env",
            pki=self.folder / "pki",
            etcd=str(programs / "etcd"),
            metrics=self.folder / "run/metrics",
            fio=str(self.folder / "fio"),
        )
        self.declared = self.places.pki / "declared.json"
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
        return Declaration(
            self.parameters["VAULT_URL"], self.parameters["BUNDLE_NAME"], self.declared
        )

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

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def lose_local_disk(self) -> None:
        shutil.rmtree(self.places.data.parent)
        self.places.data.parent.mkdir()

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

    def is_full(self) -> bool:
        """Writes something large, and tells whether that was refused."""
        try:
            self.etcdctl("put", "key", "x" * 100_000)
        except subprocess.CalledProcessError:
            return True
        return False

    def log(self) -> str:
        return (self.folder / "etcd.log").read_text()

    def _end(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


Launch = Callable[[str], Machine]


def eventually(check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """The limit is a last resort, not a measure of speed."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def workshop(machine: Machine) -> Workshop:
    """What snapshots of its cluster are made with."""
    return Workshop(
        container=machine.container,
        client_port=CLIENT_PORT,
        pki=machine.places.pki,
        programs=Path(machine.places.etcd).parent,
        scratch=machine.places.data.with_name("etcd-scratch"),
    )
