"""Official releases over HTTP: pinned by hash, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from toolchain.errors import ToolchainError
from toolchain.progress import Step

_PROBE_SECONDS = 3.0
_STALL_SECONDS = 30.0
_ATTEMPTS = 3
_CHUNK = 1 << 20


class UnreachableError(ToolchainError):
    """The network did not give the file; building it is still possible."""


def place(url: str) -> str:
    """Where a URL's file lies in a mirror: HOST/PATH."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def mirrored(url: str, mirror: str | None) -> str:
    """Return the URL to ask: the mirror's copy if there is a mirror."""
    return f"{mirror.rstrip('/')}/{place(url)}" if mirror else url


def reachable(url: str, mirror: str | None) -> bool:
    """Ask for a file's headers, briefly."""
    request = urllib.request.Request(mirrored(url, mirror), method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_SECONDS) as response:
            return bool(response.status == http.client.OK)
    except (OSError, http.client.HTTPException):
        return False


def fetch(name: str, url: str, sha256: str, target: Path, mirror: str | None, step: Step) -> None:
    """Download to `target`; a file with another hash is deleted, never kept."""
    asked = mirrored(url, mirror)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            got = _stream(asked, target, step)
            break
        except (OSError, http.client.HTTPException) as error:
            target.unlink(missing_ok=True)
            gone = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if gone or attempt == _ATTEMPTS:
                raise UnreachableError(f"{name}: {asked}: {error}") from error
            step.say(f"{error}; attempt {attempt + 1} of {_ATTEMPTS}")
            time.sleep(attempt)
    if got != sha256:
        target.unlink()
        raise ToolchainError(
            f"{name}: wrong SHA-256 for {asked}\n"
            f"  expected {sha256} (config/artifacts.yaml)\n"
            f"  got      {got}\n"
            "The file was deleted. Either the source serves something else than "
            "the official release, or the pinned version and sum do not belong "
            "together."
        )


def _stream(url: str, target: Path, step: Step) -> str:
    """Write a response to a file and return its SHA-256."""
    hasher = hashlib.sha256()
    received = 0
    with urllib.request.urlopen(url, timeout=_STALL_SECONDS) as response:
        length = int(response.headers.get("Content-Length") or 0)
        with target.open("wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                hasher.update(chunk)
                received += len(chunk)
                step.tick(f"{received >> 20} of {length >> 20} MiB")
    if length and received != length:
        raise OSError(f"connection closed after {received} of {length} bytes")
    return hasher.hexdigest()
