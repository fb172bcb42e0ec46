"""tar.gz archives: the same bytes from the same files, and safe to open."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from toolchain.errors import ToolchainError


def is_archive(name: str) -> bool:
    """Tell an archive from a bare program by its name."""
    return name.endswith((".tar.gz", ".tgz"))


def header(name: str, size: int = 0, mode: int = 0o755) -> tarfile.TarInfo:
    """Describe a member without anything of this machine or this minute."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = mode
    info.mtime = 0
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def pack(target: Path, members: Mapping[str, Path]) -> None:
    """Write programs into an archive under the given member names."""
    with (
        target.open("wb") as raw,
        # The file's name and time would otherwise stand in gzip's header.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(members):
            with members[name].open("rb") as file:
                tar.addfile(header(name, members[name].stat().st_size), file)


def unpack(archive: Path, members: Mapping[str, Path]) -> None:
    """Take the named members out; only regular files, only to the given paths."""
    missing = dict(members)
    with tarfile.open(archive, mode="r:gz") as tar:
        for info in tar:
            target = missing.pop(info.name, None)
            if target is None:
                continue
            source = tar.extractfile(info) if info.isreg() else None
            if source is None:
                raise ToolchainError(f"{archive.name}: {info.name} is not a file")
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
            target.chmod(0o755)
    if missing:
        raise ToolchainError(f"{archive.name}: lacks {', '.join(sorted(missing))}")
