"""Artifacts: known names, and a checksum for each."""

from __future__ import annotations

from collections.abc import Iterator

from config.artifacts import catalog
from config.checks.check import reads
from config.problems import Problem, nearest, problem
from config.schema import Settings


@reads("artifacts.checksums")
def checksums_are_of_known_artifacts(settings: Settings) -> Iterator[Problem]:
    known = catalog().artifacts
    for name, checksum in settings.artifacts.checksums.items():
        if name not in known:
            near = nearest(name, known)
            yield problem(
                f"artifacts.checksums.{name}",
                checksum,
                f"names of config/artifacts.yaml: {', '.join(known)}",
                f"did you mean {near}?" if near else "remove it",
            )


def unbuildable(settings: Settings) -> Iterator[str]:
    """Machines would come up and then wait for a program that they never install."""
    given = settings.artifacts.checksums
    unchecked = [
        name
        for name, artifact in catalog().artifacts.items()
        if artifact.sha256 is None and name not in given
    ]
    if unchecked:
        yield (
            f"kilonode:artifacts.checksums: none for {', '.join(unchecked)}, whose releases have "
            "no official one, and machines install nothing unchecked. `python -m toolchain mirror` "
            "builds them: serve that folder as kilonode:artifacts.mirror and copy from its "
            "checksums.json"
        )


CHECKS = (checksums_are_of_known_artifacts,)
