"""Archives of images for machines to load (D15): pulled by digest, the same bytes every time.

The format is that of `docker save`. `docker load` knows no digests, so what an archive holds is
checked when it is made: crane holds every layer and the manifest against the digest it was given.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from toolchain import digest
from toolchain.archive import header
from toolchain.errors import ToolchainError
from toolchain.options import Mode
from toolchain.store import Store

PLATFORM = "linux/amd64"


class PullError(ToolchainError):
    """A registry did not give the image."""


@dataclass(frozen=True)
class Named:
    """source: REPOSITORY:TAG@DIGEST. name: the tag that Docker is to know it by."""

    source: str
    name: str


class Images:
    """Pulls images and makes archives of them.

    own: folder of the toolchain's own images, with its index.
    """

    def __init__(self, store: Store, crane: Path, own: Path, mode: Mode = "auto") -> None:
        self._store = store
        self._crane = crane
        self._own_folder = own
        self._mode = mode

    def archive(self, name: str, images: Sequence[Named], *, stand_in: bool = False) -> Path:
        """The archive's file. Raises PullError.

        stand_in: where the registry is not reached, the toolchain's own build of an image of that
        tag will do, as it does for a program's release.
        """
        sources = [(self._single(image.source, stand_in), image.name) for image in images]

        def fill(files: Path) -> None:
            merge(sources, files / f"{name}.tar")

        key = [[str(file), tag] for file, tag in sources]
        code = digest.of_file(Path(__file__))
        return self._store.make(name, digest.of_value([key, code]), fill) / f"{name}.tar"

    @cached_property
    def own(self) -> Mapping[str, tuple[Path, str]]:
        """File and digest of the toolchain's images, by tag."""
        index = json.loads((self._own_folder / "index.json").read_text())
        files = {tag: self._own_folder / name for name, tag in index.items()}
        return {
            tag: (file, self._ask("digest", "--tarball", str(file))) for tag, file in files.items()
        }

    def _single(self, source: str, stand_in: bool) -> Path:
        """An archive of that image alone."""
        tag, _, wanted = source.partition("@")
        file, built = self.own.get(tag, (None, ""))
        if file and (built == wanted or (stand_in and self._mode == "build")):
            return file

        def fill(files: Path) -> None:
            self._store.notify(f"pulling {source}")
            self._ask("pull", "--platform", PLATFORM, source, str(files / "image.tar"))

        try:
            return self._store.make("image", digest.of_value(source), fill) / "image.tar"
        except PullError as error:
            if file is None or not stand_in or self._mode == "release":
                raise
            self._store.notify(f"{error}; taking the one that was built here")
            return file

    def _ask(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._crane, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise PullError(f"crane {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()


def merge(sources: Sequence[tuple[Path, str]], target: Path) -> None:
    """Write one archive of several: (archive of one image, its tag). Layers in common are there
    once."""
    manifest = []
    there: set[str] = set()
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as out:
        for source, tag in sources:
            with tarfile.open(source) as tar:
                (image,) = json.load(_member(tar, "manifest.json"))
                manifest.append(
                    {
                        "Config": _copy(tar, image["Config"], ".json", out, there),
                        "RepoTags": [tag],
                        "Layers": [_copy(tar, one, ".tar", out, there) for one in image["Layers"]],
                    }
                )
        body = json.dumps(manifest).encode()
        out.addfile(header("manifest.json", len(body), 0o644), io.BytesIO(body))


def _copy(
    tar: tarfile.TarFile, name: str, suffix: str, out: tarfile.TarFile, there: set[str]
) -> str:
    """Copy a member under the name of its content, once; return that name."""
    size = tar.getmember(name).size
    # Every archive has a layer.tar of its own.
    hashed = hashlib.file_digest(_member(tar, name), "sha256").hexdigest() + suffix
    if hashed not in there:
        there.add(hashed)
        out.addfile(header(hashed, size, 0o644), _member(tar, name))
    return hashed


def _member(tar: tarfile.TarFile, name: str) -> io.BufferedReader:
    file = tar.extractfile(name)
    if not isinstance(file, io.BufferedReader):
        raise ToolchainError(f"{tar.name!r}: {name} is not a file")
    return file
