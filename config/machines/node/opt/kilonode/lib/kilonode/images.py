"""Images that the machine brings along (D15): fetched by hash, given to Docker, looked for there.

    load-images pause     before the kubelet starts: without this image no pod does
    load-images pool      the pool's list, after it: gigabytes must not keep a node from joining

Whatever goes wrong is told to Prometheus, and the images are pulled then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kilonode import metrics, web
from kilonode.artifacts import RECORDS, Artifact, ArtifactError, install, is_installed
from kilonode.machine import environment, say
from kilonode.metrics import Sample

MANIFEST = Path("/etc/kilonode/images.json")


@dataclass(frozen=True)
class Kind:
    """file: where the archive is, for whoever puts it into the machine's image, too.

    patience: seconds for a mirror that does not answer; None never gives up. metric: how many of
    the images Docker does not have.
    """

    file: Path
    patience: float | None
    metric: str


KINDS: Mapping[str, Kind] = {
    # The kubelet itself comes from the same mirror, so waiting longer would only serve a machine
    # that has a kubelet of an earlier boot and has lost this file.
    "pause": Kind(Path("/opt/preloaded_pause_image.tar"), 300, "kilonode_pause_image_missing"),
    "pool": Kind(
        Path("/opt/preloaded_docker_images.tar"), None, "kilonode_preloaded_images_missing"
    ),
}


def fetch(entry: Mapping[str, Any], kind: Kind, mirror: str, records: Path = RECORDS) -> None:
    """Puts the archive in its place. Raises ArtifactError, or one of web.ERRORS."""
    archive = Artifact(entry["name"], entry["url"], entry["sha256"], {"": str(kind.file)})
    if not is_installed(archive, records):
        records.mkdir(parents=True, exist_ok=True)
        web.retry(archive.name, partial(install, archive, mirror, records), kind.patience)


def load(file: Path) -> bool:
    """Gives the archive to Docker, once it is up. False if it is the archive that is broken."""
    while True:
        while not docker("version"):
            time.sleep(1)
        if docker("image", "load", "--input", str(file)):
            return True
        # Or it was Docker that went away.
        if docker("version"):
            return False


def missing(images: Sequence[str]) -> list[str]:
    """Those that Docker does not have."""
    return [image for image in images if not docker("image", "inspect", image)]


def docker(*arguments: str) -> bool:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode and arguments[0] != "version":
        say(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.returncode == 0


def provide(
    entry: Mapping[str, Any], kind: Kind, mirror: str, records: Path = RECORDS
) -> str | None:
    """Fetches and loads; says what went wrong, None if all images are there."""
    # Without a mirror the file may be of the machine's image.
    if entry["url"] is not None:
        try:
            fetch(entry, kind, mirror, records)
        except (ArtifactError, *web.ERRORS) as error:
            return str(error)
    if not kind.file.is_file():
        return f"{kind.file} is not there"
    if not load(kind.file):
        return f"{kind.file} does not load"
    lacking = missing(entry["images"])
    return f"{kind.file} is without {', '.join(lacking)}" if lacking else None


def main() -> None:
    name = sys.argv[1]
    kind = KINDS[name]
    entry = json.loads(MANIFEST.read_text()).get(name)
    if entry is None:
        return
    tell(name, kind, len(entry["images"]))
    wrong = provide(entry, kind, environment()["ARTIFACT_MIRROR"])
    if wrong:
        tell(name, kind, len(missing(entry["images"])))
        sys.exit(f"images: {wrong}; what is missing is pulled")
    tell(name, kind, 0)
    say(f"images: {', '.join(entry['images'])}")


def tell(name: str, kind: Kind, lacking: int) -> None:
    metrics.write(f"images-{name}", [Sample(kind.metric, lacking)])


if __name__ == "__main__":
    main()
