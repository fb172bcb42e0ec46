"""A registry of images that are made in seconds, as slow and as unsteady as a benchmark asks.

    python -m benchmarks.slow_registry FOLDER ADDRESS PORT [CERTIFICATE KEY]

Pace and pauses are those of each connection, as many registries' are.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import shutil
import ssl
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from aiohttp import web

MIB = 1 << 20
_CHUNK = 64 << 10
_TYPES = "application/vnd.docker.distribution.manifest.v2+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_CONFIG = "application/vnd.docker.container.image.v1+json"


@dataclass(frozen=True)
class Pace:
    """Bytes per second; and after half of a layer, seconds of silence. 0 is none of it."""

    rate: int = 0
    silence: float = 0


def add_image(folder: Path, name: str, size: int, pace: Pace, base: Path | None = None) -> None:
    """An image of `size` zeros, and of `base`, an archive of one of the toolchain's images."""
    blobs = folder / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    layers = [_ballast(blobs, name, size)]
    if base:
        layers.append(_layer(blobs, base))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": _run(base) if base else {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }
    body = json.dumps(config).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    (blobs / digest).write_bytes(body)
    manifest = {
        "schemaVersion": 2,
        "mediaType": _TYPES,
        "config": {"mediaType": _CONFIG, "size": len(body), "digest": digest},
        "layers": layers,
    }
    (folder / f"{name}.json").write_text(json.dumps({"manifest": manifest, "pace": asdict(pace)}))


def _ballast(blobs: Path, name: str, size: int) -> dict[str, Any]:
    file = blobs / "draft"
    with tarfile.open(file, "w") as tar:
        # Its name alone tells it from another image's.
        info = tarfile.TarInfo(f"ballast-{name}")
        info.size = size
        tar.addfile(info, _Zeros(size))
    return _descriptor(file)


def _layer(blobs: Path, archive: Path) -> dict[str, Any]:
    file = blobs / "draft"
    with tarfile.open(archive) as tar, file.open("wb") as target:
        shutil.copyfileobj(_member(tar, "layer.tar"), target)
    return _descriptor(file)


def _run(archive: Path) -> Any:
    """How it is started."""
    with tarfile.open(archive) as tar:
        (image,) = json.load(_member(tar, "manifest.json"))
        return json.load(_member(tar, image["Config"]))["config"]


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    member = tar.extractfile(name)
    assert member, f"{tar.name!r}: no {name}"
    return member


def _descriptor(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        digest = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    file.replace(file.with_name(digest))
    size = file.with_name(digest).stat().st_size
    return {"mediaType": _LAYER, "size": size, "digest": digest}


class _Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        given = min(self._left, size if size >= 0 else self._left)
        self._left -= given
        return bytes(given)


def application(folder: Path) -> web.Application:
    """Docker's registry API, as far as a pull asks for it."""

    def image(request: web.Request) -> Any:
        return json.loads((folder / f"{request.match_info['name']}.json").read_text())

    async def base(_: web.Request) -> web.Response:
        return web.json_response({})

    async def manifest(request: web.Request) -> web.Response:
        body = json.dumps(image(request)["manifest"]).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        headers = {"Docker-Content-Digest": digest, "Content-Type": _TYPES}
        return web.Response(body=body, headers=headers)

    async def blob(request: web.Request) -> web.StreamResponse:
        file = folder / "blobs" / request.match_info["digest"]
        answer = web.StreamResponse(headers={"Content-Length": str(file.stat().st_size)})
        await answer.prepare(request)
        if request.method == "GET":
            # A pull that was given up is what some benchmarks are about.
            with suppress(ConnectionResetError):
                await _send(answer, file, Pace(**image(request)["pace"]))
        return answer

    served = web.Application()
    served.router.add_get("/v2/", base)
    served.router.add_get("/v2/{name}/manifests/{reference}", manifest)
    served.router.add_get("/v2/{name}/blobs/{digest}", blob)
    return served


async def _send(answer: web.StreamResponse, file: Path, pace: Pace) -> None:
    size, sent, start, silent = file.stat().st_size, 0, time.monotonic(), pace.silence
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            await answer.write(chunk)
            sent += len(chunk)
            if silent and sent >= size / 2 and size > MIB:
                await asyncio.sleep(silent)
                silent = 0
            if pace.rate:
                await asyncio.sleep(max(0.0, start + sent / pace.rate - time.monotonic()))


@contextmanager
def serving(
    folder: Path, address: str, port: int, *tls: Path, prefix: Sequence[str] = ()
) -> Iterator[str]:
    """Runs it as a process under `prefix`; its ADDRESS:PORT. tls: certificate and key."""
    words = [sys.executable, "-m", "benchmarks.slow_registry", folder, address, port, *tls]
    process = subprocess.Popen([*prefix, *map(str, words)], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline(), "it does not start"
        yield f"{address}:{port}"
    finally:
        process.kill()
        process.wait()


def main() -> None:
    folder, address, port, *tls = sys.argv[1:]
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)
    web.run_app(
        application(Path(folder)),
        host=address,
        port=int(port),
        ssl_context=context,
        print=lambda _: print("serving", flush=True),
    )


if __name__ == "__main__":
    main()
