"""Restores a snapshot into a cluster of one on this machine, reads it, and leaves nothing of it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kilonode.etcd import snapshot
from kilonode.etcd.client import Client, EtcdError
from kilonode.etcd.snapshot import SnapshotError, Workshop
from kilonode.etcd.snapshot_store import Snapshot

_ADDRESS = "127.0.0.1"
_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 0.2


def rehearse(source: Snapshot, folder: Path, workshop: Workshop) -> str:
    """What was found. Raises SnapshotError, EtcdError or one of web.ERRORS."""
    begun = time.monotonic()
    if folder.exists() and any(folder.iterdir()):
        raise SnapshotError(f"{folder} is not empty")
    with snapshot.scratch(folder, 3 * source.size + snapshot.MORE_BYTES):
        snapshot.fetch(source, folder / "snapshot.db", workshop.container)
        written = snapshot.revision_of(folder / "snapshot.db", workshop.programs)
        client_port, peer_port = _free_port(), _free_port()
        peer_url = f"https://{_ADDRESS}:{peer_port}"
        snapshot.restore(
            folder / "snapshot.db",
            folder / "etcd",
            workshop.programs,
            bump=snapshot.BUMP,
            options=(
                "--name=scratch",
                f"--initial-cluster=scratch={peer_url}",
                f"--initial-advertise-peer-urls={peer_url}",
            ),
        )
        with _etcd(folder, workshop, client_port, peer_url):
            client = Client(client_port, workshop.pki)
            _wait(client)
            keys, revision = client.count(_ADDRESS), client.status(_ADDRESS).revision
    folder.rmdir()
    if revision != written + snapshot.BUMP:
        raise SnapshotError(f"revision {written} came back as {revision}")
    return (
        f"{source.name} can be restored: {keys} keys at revision {source.revision}, "
        f"in {time.monotonic() - begun:.1f} s"
    )


@contextmanager
def _etcd(folder: Path, workshop: Workshop, client_port: int, peer_url: str) -> Iterator[None]:
    """For this machine's certificate alone, as what it holds is secret."""
    pki = workshop.pki
    client_url = f"https://{_ADDRESS}:{client_port}"
    command = [
        str(workshop.programs / "etcd"),
        "--name=scratch",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=scratch={peer_url}",
        "--log-level=error",
    ]
    for kind in ("", "peer-"):
        command += [
            f"--{kind}client-cert-auth=true",
            f"--{kind}trusted-ca-file={pki}/ca.crt",
            f"--{kind}cert-file={pki}/member.crt",
            f"--{kind}key-file={pki}/member.key",
        ]
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _wait(client: Client) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            client.check_health(_ADDRESS)
            return
        except EtcdError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port
