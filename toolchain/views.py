"""Folders for others to use: programs for PATH, the artifact mirror, images."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from toolchain import archive, digest, image
from toolchain.download import place
from toolchain.sources import Made
from toolchain.spec import Artifact
from toolchain.store import Store

CHECKSUMS = "checksums.json"
INDEX = "index.json"


def bin_folder(
    store: Store, programs: Mapping[str, tuple[Path, str]], users: Mapping[str, Path]
) -> Path:
    """Gather cached programs (path, SHA-256) and links to the user's own."""

    def fill(files: Path) -> None:
        for name, (path, _) in programs.items():
            _same_file(path, files / name)
        for name, path in users.items():
            (files / name).symlink_to(path)

    sums = {name: sha256 for name, (_, sha256) in programs.items()}
    links = {name: str(path) for name, path in users.items()}
    return store.make("bin", digest.of_value([sums, links]), fill)


def mirror_folder(
    store: Store, artifacts: Mapping[str, Artifact], made: Mapping[str, Made]
) -> Path:
    """Lay artifacts out as HOST/PATH, with the sums of the files that lie there."""

    def fill(files: Path) -> None:
        store.notify("laying out the artifact mirror")
        sums: dict[str, str] = {}
        for name, artifact in artifacts.items():
            target = files / place(artifact.url or name)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                _mirror(artifact, made[name], target)
            sums[name] = digest.of_file(target)
        (files / CHECKSUMS).write_text(json.dumps(sums, indent=1) + "\n")

    what = {
        name: [artifact.url, dict(artifact.provides), made[name].sums()]
        for name, artifact in artifacts.items()
    }
    return store.make("mirror", digest.of_value([what, _code(archive)]), fill)


def images_folder(store: Store, images: Mapping[str, image.Image]) -> Path:
    """Write each image to NAME.tar and say in the index which is which."""

    def fill(files: Path) -> None:
        store.notify("writing the images")
        for name, picture in images.items():
            image.write(picture, files / f"{name}.tar")
        index = {f"{name}.tar": picture.reference for name, picture in images.items()}
        (files / INDEX).write_text(json.dumps(index, indent=1) + "\n")

    # Programs lie in folders that carry their key, so paths stand for content.
    what = {name: repr(picture) for name, picture in images.items()}
    return store.make("images", digest.of_value([what, _code(image)]), fill)


def _code(module: ModuleType) -> str:
    """Hash the code that writes a format: another writer, another result."""
    return digest.of_file(Path(str(module.__file__)))


def _mirror(artifact: Artifact, made: Made, target: Path) -> None:
    if made.original:
        _same_file(made.original, target)
    elif artifact.archived:
        members = {m: made.programs[p] for m, p in artifact.provides.items()}
        archive.pack(target, members)
    else:
        _same_file(made.programs[artifact.provides[artifact.file]], target)


def _same_file(source: Path, target: Path) -> None:
    """Link a file, so that it takes no further room and outlives its source."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
