"""What of config/artifacts.yaml the machines need to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).parent / "artifacts.yaml"


@dataclass(frozen=True)
class Artifact:
    """A download. install: archive member, or "" for the file itself -> path on the machine.

    version: as in 1.2.3.
    """

    name: str
    version: str
    url: str
    sha256: str | None
    roles: tuple[str, ...]
    install: Mapping[str, str]


@dataclass(frozen=True)
class Catalog:
    """All downloads by name; container images, digests of theirs, and Ubuntu packages by use.

    ubuntu_snapshot: the time at which Ubuntu's archive had its packages, as APT::Snapshot takes it.
    """

    artifacts: Mapping[str, Artifact]
    images: Mapping[str, str]
    digests: Mapping[str, str]
    packages: Mapping[str, str]
    ubuntu_snapshot: str


@cache
def catalog() -> Catalog:
    """The checked-in catalog."""
    document = yaml.safe_load(_FILE.read_text())
    return Catalog(
        artifacts={
            name: Artifact(
                name=name,
                version=entry["version"].removeprefix("v"),
                url=entry["url"],
                sha256=entry["sha256"],
                roles=tuple(entry["roles"]),
                install=_members(entry["url"], entry["install"]),
            )
            for name, entry in document["artifacts"].items()
        },
        images=document["images"],
        digests=document["digests"],
        packages=document["packages"],
        ubuntu_snapshot=document["ubuntu-snapshot"],
    )


def _members(url: str, install: Mapping[str, str]) -> Mapping[str, str]:
    """The catalog names a bare file by its own name, machines by none."""
    file = url.rpartition("/")[2]
    return {"" if member == file else member: path for member, path in install.items()}
