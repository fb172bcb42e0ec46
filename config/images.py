"""Container images: under which name the cluster knows them, and which machines bring along (D15).

Pure: what an archive holds, and so what it is called, is decided by the settings alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.artifacts import catalog
from config.schema.stack import Settings

# Of SHA-256, in the names of archives.
_HASH_LENGTH = 16


@dataclass(frozen=True)
class ArchivedImage:
    """source: where it is pulled from, by digest where one is known. name: with which tag Docker
    has it once it is loaded. `docker load` knows no digests, so pods must ask for the tag."""

    source: str
    name: str


@dataclass(frozen=True)
class ImageArchive:
    """Images that come to machines as one file. name: also its key in artifacts.checksums."""

    name: str
    images: tuple[ArchivedImage, ...]

    @property
    def path(self) -> str:
        """Where it lies on the mirror."""
        return f"images/{self.name}.tar"


def images(settings: Settings) -> dict[str, str]:
    """The references of all images of the cluster's own, by use."""
    return {
        use: located(reference, settings.image_registry)
        for use, reference in catalog().images.items()
    }


def located(reference: str, registry: str | None) -> str:
    """The reference with `registry` in the place of its own: REGISTRY/REPOSITORY's path."""
    return f"{registry}/{reference.partition('/')[2]}" if registry else reference


def pause_archive(settings: Settings) -> ImageArchive:
    """Of the one image without which no pod starts."""
    image = ArchivedImage(
        source=f"{catalog().images['pause']}@{catalog().digests['pause']}",
        name=images(settings)["pause"],
    )
    return _archive("pause-image", [image])


def pool_archive(settings: Settings, pool: str) -> ImageArchive | None:
    """Of the pool's preload list; pools with the same list share one."""
    wanted = settings.node_pools[pool].preload
    listed = [ArchivedImage(source=one, name=one.partition("@")[0]) for one in wanted]
    return _archive("preloaded-images", listed) if listed else None


def archives(settings: Settings) -> dict[str, ImageArchive]:
    """All that machines of these settings fetch, by name. Without a mirror that is none."""
    if settings.artifacts.mirror is None:
        return {}
    pools = (pool_archive(settings, pool) for pool in settings.node_pools)
    return {one.name: one for one in (pause_archive(settings), *pools) if one}


def manifest(settings: Settings, pool: str | None) -> Mapping[str, object]:
    """What a machine of the pool, or a master, is to have loaded: for kilonode.images."""
    found = {
        "pause": pause_archive(settings),
        "pool": pool_archive(settings, pool) if pool else None,
    }
    return {kind: _entry(settings, one) for kind, one in found.items() if one}


def _entry(settings: Settings, archive: ImageArchive) -> Mapping[str, object]:
    return {
        "name": archive.name,
        "url": archive.path if settings.artifacts.mirror else None,
        "sha256": settings.artifacts.checksums.get(archive.name),
        "images": [image.name for image in archive.images],
    }


def _archive(kind: str, listed: Sequence[ArchivedImage]) -> ImageArchive:
    content = json.dumps([[image.source, image.name] for image in listed])
    digest = hashlib.sha256(content.encode()).hexdigest()[:_HASH_LENGTH]
    return ImageArchive(f"{kind}-{digest}", tuple(listed))
