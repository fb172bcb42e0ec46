"""Container images of static programs, written without a daemon.

The format is that of `docker save`, which `docker load` and `crane push` read.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain import digest
from toolchain.archive import header

# A file's capabilities as the kernel stores them (struct vfs_cap_data, version
# 2, effective): cap_net_bind_service, which is bit 10, permitted.
_BIND_SERVICE = b"\x01\x00\x00\x02\x00\x04\x00\x00" + b"\x00" * 12
_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Image:
    """What to put into an image."""

    reference: str
    # Path in the image -> program.
    programs: Mapping[str, Path]
    entrypoint: tuple[str, ...]
    user: str
    # Path in the image -> what it points to.
    links: Mapping[str, str] = field(default_factory=dict)
    # Let the programs listen below port 1024 without root.
    bind_service: bool = False


def write(image: Image, target: Path) -> None:
    """Write an image; the same programs give the same bytes."""
    layer = target.with_suffix(".layer")
    _write_layer(image, layer)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": _EPOCH,
        "config": {
            "User": image.user,
            "WorkingDir": "/",
            "Entrypoint": list(image.entrypoint),
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest.of_file(layer)}"]},
        "history": [{"created": _EPOCH, "created_by": "kilonode toolchain"}],
    }
    body = json.dumps(config, sort_keys=True).encode()
    name = f"{digest.of_value(config)}.json"
    manifest = [{"Config": name, "RepoTags": [image.reference], "Layers": ["layer.tar"]}]
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, name, body)
        with layer.open("rb") as file:
            tar.addfile(header("layer.tar", layer.stat().st_size, 0o644), file)
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    layer.unlink()


def _write_layer(image: Image, target: Path) -> None:
    paths = (*image.programs, *image.links)
    folders = {str(p) for path in paths for p in Path(path.lstrip("/")).parents}
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted(folders - {"."}):
            info = header(folder)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for path, program in sorted(image.programs.items()):
            info = header(path.lstrip("/"), program.stat().st_size)
            if image.bind_service:
                capability = _BIND_SERVICE.decode("ascii")
                info.pax_headers = {"SCHILY.xattr.security.capability": capability}
            with program.open("rb") as file:
                tar.addfile(info, file)
        for path, to in sorted(image.links.items()):
            info = header(path.lstrip("/"))
            info.type, info.linkname = tarfile.SYMTYPE, to
            tar.addfile(info)


def _add(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    tar.addfile(header(name, len(body), 0o644), io.BytesIO(body))
