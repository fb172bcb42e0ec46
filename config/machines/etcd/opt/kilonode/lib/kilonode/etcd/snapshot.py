"""Takes a snapshot of a member, verifies it, and keeps it in Blob storage."""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kilonode import blob
from kilonode.etcd import birth_record, snapshot_store
from kilonode.etcd.client import Client, Status
from kilonode.etcd.decision import Record
from kilonode.etcd.snapshot_store import Snapshot
from kilonode.etcd.this_member import PKI, ThisMember

# etcd allocates 64 MB of its log ahead, the trial's and the member's own next file alike.
MORE_BYTES = 256 << 20
# Of a full data file (8 GiB), by a disk that has better things to do.
_PROGRAM_SECONDS = 1800.0
# The metadata service may be away for 70 s, by its documentation, and a store that moves as long.
_STORE_PATIENCE_SECONDS = 120.0
# What etcd's documentation advises: more writes than there are between two snapshots.
BUMP = 1_000_000_000


class SnapshotError(Exception):
    """There is no snapshot, or it is not one that a cluster could be restored from."""


@dataclass(frozen=True)
class Workshop:
    """What a snapshot is made with. `machine`: the name of who makes it; `container`: its URL;
    `scratch`: a folder of its own."""

    machine: str
    container: str
    client_port: int
    pki: Path = PKI
    programs: Path = Path("/opt/kilonode/bin")
    scratch: Path = Path("/mnt/local/etcd-scratch")

    @property
    def client(self) -> Client:
        return Client(self.client_port, self.pki)


def workshop(me: ThisMember, parameters: Mapping[str, str]) -> Workshop:
    """This machine's. `parameters`: of machine.env."""
    container = parameters["BLOB_CONTAINER_URL"].rstrip("/")
    return Workshop(me.name, container, me.client_port)


@dataclass(frozen=True)
class Taken:
    """`name`: within the container, of the first copy. `size` in bytes, `seconds`: it took."""

    name: str
    revision: int
    size: int
    seconds: float


def take(
    address: str,
    workshop: Workshop,
    *,
    reason: str,
    folders: Sequence[str] = ("change",),
) -> Taken:
    """Of the member at `address`, which needs no quorum. `folders`: where to keep it, and so for
    how long.

    Raises SnapshotError, EtcdError or one of web.ERRORS; then nothing was uploaded, or not all.
    """
    status = workshop.client.status(address)

    def save(file: Path) -> Status:
        _save(address, file, workshop)
        return status

    return keep(save, status.size, workshop, reason=reason, folders=folders)


def keep(
    save: Callable[[Path], Status],
    size: int,
    workshop: Workshop,
    *,
    reason: str,
    folders: Sequence[str],
) -> Taken:
    """Verifies what `save` writes to a file, and uploads it. `size`: about its bytes.

    `save` tells whose data it is, and a revision that it holds at least.
    """
    begun = time.monotonic()
    with scratch(workshop.scratch, 2 * size + MORE_BYTES) as folder:
        file = folder / "snapshot.db"
        status = save(file)
        check_cluster(status.cluster_id, workshop.container)
        # Where nothing was ever written, a file says 0 and etcd 1.
        revision = max(1, verify(file, folder / "trial", workshop.programs))
        if revision < status.revision:
            raise SnapshotError(
                f"the snapshot ends at revision {revision}, its member at {status.revision}"
            )
        now = datetime.datetime.now(datetime.UTC)
        names = [
            snapshot_store.name(folder, now, revision, status.cluster_id, reason, workshop.machine)
            for folder in folders
        ]
        for name in names:
            url = f"{workshop.container}/{name}"
            blob.upload(url, blob.parts(file), patience=_STORE_PATIENCE_SECONDS)
        return Taken(names[0], revision, file.stat().st_size, time.monotonic() - begun)


def fetch(snapshot: Snapshot, file: Path, container: str) -> None:
    """Raises one of web.ERRORS."""
    blob.download(f"{container}/{snapshot.name}", file, patience=_STORE_PATIENCE_SECONDS)


def of_data_file(data: Path) -> Iterator[bytes]:
    """A snapshot of the data directory of an etcd that has ended cleanly.

    etcd's own snapshots are a copy of this file, and its SHA-256 behind.
    """
    digest = hashlib.sha256()
    for part in blob.parts(data / "member/snap/db"):
        digest.update(part)
        yield part
    yield digest.digest()


def verify(file: Path, trial: Path, programs: Path) -> int:
    """The snapshot's revision. Raises SnapshotError unless it can be restored.

    Its pages are looked through, and a restore into the folder `trial` compares its hash.
    """
    revision = revision_of(file, programs)
    restore(file, trial, programs, bump=BUMP)
    restored = revision_of(trial / "member/snap/db", programs)
    if restored != revision + BUMP:
        raise SnapshotError(f"revision {revision} was restored as {restored}")
    shutil.rmtree(trial)
    return revision


def restore(
    file: Path, data: Path, programs: Path, *, bump: int, options: Sequence[str] = ()
) -> None:
    """Makes a data directory of a snapshot. Raises SnapshotError, also if its hash is wrong.

    Its revision goes up by `bump`, and all before counts as compacted: whoever watched the cluster
    that is gone is told so, and does not take what he knows of it for current.
    """
    run(
        programs / "etcdutl",
        *("snapshot", "restore", str(file), f"--data-dir={data}"),
        *(f"--bump-revision={bump}", "--mark-compacted", *options),
    )


def revision_of(file: Path, programs: Path) -> int:
    told = run(programs / "etcdutl", "snapshot", "status", str(file), "--write-out=json")
    return int(json.loads(told)["revision"])


def run(program: Path, *arguments: str) -> str:
    """Its output. Raises SnapshotError with its last words."""
    command = [str(program), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PROGRAM_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SnapshotError(str(error)) from error
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise SnapshotError(f"{program.name} {' '.join(arguments[:2])}: {words[-1]}")
    return done.stdout


def check_cluster(cluster_id: int, container: str) -> None:
    """Raises SnapshotError for a member of an older life, whose data is not the cluster's."""
    record = birth_record.read(container)
    if isinstance(record, Record) and record.cluster_id != cluster_id:
        raise SnapshotError(
            f"the data is of cluster {cluster_id:x}, but {record.cluster_id:x} took its place"
        )


@contextmanager
def scratch(folder: Path, needed: int) -> Iterator[Path]:
    """An empty folder, for one program at a time, that is emptied afterwards.

    Raises SnapshotError unless there is room for `needed` bytes.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Of one that was killed.
        _empty(folder)
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise SnapshotError(
                f"{folder} has room for {free >> 20} MiB, and {needed >> 20} MiB are needed"
            )
        yield folder
    finally:
        _empty(folder)
        os.close(descriptor)


def _save(address: str, file: Path, workshop: Workshop) -> None:
    pki = workshop.pki
    run(
        workshop.programs / "etcdctl",
        *("snapshot", "save", str(file)),
        f"--endpoints=https://{address}:{workshop.client_port}",
        *(f"--cacert={pki}/ca.crt", f"--cert={pki}/member.crt", f"--key={pki}/member.key"),
    )


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
