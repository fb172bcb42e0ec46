"""Artifacts: known names, and a checksum for each."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from config import images
from config.artifacts import catalog
from config.checks.check import reads
from config.problems import Problem, nearest, problem
from config.schema.stack import Settings
from config.topology import ARTIFACTS_CONTAINER, blob_url, storage_account


@reads("artifacts", "nodePools", whole=True)
def checksums_are_of_known_artifacts(settings: Settings) -> Iterator[Problem]:
    archives = images.archives(settings)
    known = [*catalog().artifacts, *archives]
    for name, checksum in settings.artifacts.checksums.items():
        if name not in known:
            # An archive's name says what is in it, so another list is another name.
            kind = name.rpartition("-")[0]
            newer = next((one for one in archives if one.rpartition("-")[0] == kind), None)
            near = None if newer else nearest(name, known)
            yield problem(
                f"artifacts.checksums.{name}",
                checksum,
                f"names of config/artifacts.yaml and of these settings' archives: "
                f"{', '.join(known)}",
                "run `make mirror` again and take what it prints"
                if newer
                else (f"did you mean {near}?" if near else "remove it"),
            )


@reads("artifacts.mirror", "subscriptionId", "clusterName")
def own_account_has_one_mirror(settings: Settings) -> Iterator[Problem]:
    """Machines would ask for an hour for what they may not read or what is not there."""
    mirror, own = settings.artifacts.mirror, blob_url(storage_account(settings))
    wanted = f"{own}/{ARTIFACTS_CONTAINER}"
    if mirror and mirror != wanted and urlsplit(mirror).hostname == urlsplit(own).hostname:
        yield problem(
            "artifacts.mirror",
            mirror,
            f"{wanted} where it is in the cluster's own storage account: of that one, machines may "
            "read no other container",
            f"write {wanted}",
        )


def unchecked(settings: Settings) -> list[str]:
    """Artifacts and archives that no checksum is known of."""
    given = settings.artifacts.checksums
    downloads = [name for name, one in catalog().artifacts.items() if one.sha256 is None]
    return [name for name in [*downloads, *images.archives(settings)] if name not in given]


def unbuildable(settings: Settings) -> Iterator[str]:
    """Machines would come up and then wait for a program that they never install."""
    if names := unchecked(settings):
        yield (
            f"kilonode:artifacts.checksums: none for {', '.join(names)}, which have no "
            "official one, and machines install nothing unchecked. `make mirror` makes them: serve "
            "its folder as kilonode:artifacts.mirror and take the lines that it prints"
        )


def notes(settings: Settings) -> Iterator[str]:
    if settings.artifacts.mirror is None:
        yield (
            "kilonode:artifacts.mirror: none, so no machine brings the pause image along, and each "
            f"pulls {images.images(settings)['pause']} before its first pod (D15). `make mirror` "
            "fills one"
        )


CHECKS = (checksums_are_of_known_artifacts, own_account_has_one_mirror)
