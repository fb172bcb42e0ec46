"""Install the pinned programs of /etc/kilonode/artifacts.json, each checked by its hash.

Nothing is put in place, let alone run, before the whole download has the hash it should have.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from kilonode import metadata, web
from kilonode.machine import environment, say, write_atomically

MANIFEST = Path("/etc/kilonode/artifacts.json")
# Holds NAME.json per installed artifact: its hash and that of each file it was installed to.
RECORDS = Path("/opt/kilonode/artifacts")

_GONE = {400, 401, 404, 410}
_BLOB_STORAGE = ".blob.core.windows.net"
# Of a container that is being filled: its blobs come, as do the rights on it.
_NOT_YET = {404}
_CHUNK = 1 << 20


class ArtifactError(Exception):
    """Not what the manifest says, so not installed."""


@dataclass(frozen=True)
class Artifact:
    """`install`: member of the archive -> destination; the member "" is the download itself.
    `sha256` is None where there is no official one."""

    name: str
    url: str
    sha256: str | None
    install: Mapping[str, str]

    @property
    def program(self) -> str | None:
        """Where the download itself goes; None if it is an archive."""
        return self.install.get("")


def mirrored(url: str, mirror: str) -> str:
    """Where to get an official URL from: MIRROR/HOST/PATH, or itself without a mirror.

    A path alone is of what lies on mirrors only.
    """
    return f"{mirror.rstrip('/')}/{url.rpartition('://')[2]}" if mirror else url


def is_installed(artifact: Artifact, records: Path) -> bool:
    """True if each destination has the content that came out of this very artifact."""
    if artifact.sha256 is None:
        return False
    if artifact.program:
        return sha256_of(Path(artifact.program)) == artifact.sha256
    record = records / f"{artifact.name}.json"
    try:
        known = json.loads(record.read_text())
        files = known["files"] if known["sha256"] == artifact.sha256 else {}
    except (OSError, ValueError, KeyError):
        return False
    return all(
        path in files and sha256_of(Path(path)) == files[path] for path in artifact.install.values()
    )


def sha256_of(path: Path) -> str | None:
    """None for a file that is not there."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def install(artifact: Artifact, mirror: str, records: Path) -> None:
    """Raises ArtifactError, or one of web.ERRORS if the download failed."""
    if artifact.sha256 is None:
        raise ArtifactError(
            f"{artifact.name}: no sha256 to check it by; set kilonode:artifacts.checksums"
        )
    with tempfile.TemporaryDirectory(prefix=".download-", dir=records) as folder:
        download = Path(folder) / "download"
        url = mirrored(artifact.url, mirror)
        fetch(url, download)
        got = sha256_of(download)
        if got != artifact.sha256:
            raise ArtifactError(
                f"{artifact.name}: {url} has the wrong hash: expected sha256 {artifact.sha256}, "
                f"got {got}; deleted, not installed"
            )
        files = _put_in_place(artifact, download)
    record = {"sha256": artifact.sha256, "files": files}
    write_atomically(records / f"{artifact.name}.json", json.dumps(record).encode(), 0o644)


def fetch(url: str, target: Path) -> None:
    """Raises one of web.ERRORS where asking again may help, else ArtifactError."""
    host = urllib.parse.urlsplit(url).hostname or ""
    blob = host.endswith(_BLOB_STORAGE)
    request = urllib.request.Request(url, headers=_identity() if blob else {})
    try:
        # Unlike Azure's own services, a download may go through a proxy.
        with urllib.request.urlopen(request, timeout=60) as response, target.open("wb") as stream:
            shutil.copyfileobj(response, stream, _CHUNK)
            length = response.headers["Content-Length"]
    except urllib.error.HTTPError as error:
        if error.code in _GONE - (_NOT_YET if blob else set()):
            raise ArtifactError(f"{url}: {error}") from error
        raise
    # http.client ends a stream that breaks off as if it were complete.
    if length is not None and target.stat().st_size != int(length):
        raise ConnectionError(f"{url} broke off after {target.stat().st_size} of {length} bytes")


def _identity() -> dict[str, str]:
    """Blob storage is asked in the machine's own name; other mirrors ask nobody's."""
    token = metadata.token("https://storage.azure.com")
    return {"Authorization": f"Bearer {token}", "x-ms-version": "2023-11-03"}


def _put_in_place(artifact: Artifact, download: Path) -> dict[str, str]:
    """The hash of each installed file, by its path."""
    if artifact.program:
        with download.open("rb") as stream:
            return _write_program(stream, artifact.program)
    files: dict[str, str] = {}
    with tarfile.open(download) as archive:
        # Only these names, only regular files, and only to where the manifest says: whatever
        # paths or links are in the archive lead nowhere.
        members = {member.name.removeprefix("./"): member for member in archive}
        for name, destination in artifact.install.items():
            member = members.get(name.removeprefix("./"))
            source = archive.extractfile(member) if member and member.isreg() else None
            if source is None:
                raise ArtifactError(f"{artifact.name}: no regular file {name!r} in {artifact.url}")
            files |= _write_program(source, destination)
    return files


def _write_program(source: IO[bytes], destination: str) -> dict[str, str]:
    path = Path(destination)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as stream:
        shutil.copyfileobj(source, stream, _CHUNK)
        os.fchmod(stream.fileno(), 0o755)
        os.fsync(stream.fileno())
    # A rename, so that the old program may be running meanwhile.
    part.replace(path)
    return {destination: sha256_of(path) or ""}


def main() -> None:
    mirror = environment()["ARTIFACT_MIRROR"]
    RECORDS.mkdir(parents=True, exist_ok=True)
    for entry in json.loads(MANIFEST.read_text()):
        artifact = Artifact(entry["name"], entry["url"], entry["sha256"], entry["install"])
        if is_installed(artifact, RECORDS):
            say(f"{artifact.name}: already here")
            continue
        try:
            # A machine without its programs is of no use: it asks until the mirror is back. What is
            # wrong with the manifest itself, asking again does not mend.
            web.retry(artifact.name, partial(install, artifact, mirror, RECORDS), patience=None)
        except ArtifactError as error:
            sys.exit(f"artifacts: {error}")
        say(f"{artifact.name}: installed")


if __name__ == "__main__":
    main()
