"""D14: ten images from a registry that gives each connection little, by three layers and by ten.

Docker's own default is three.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.own_docker import dockerd
from benchmarks.row import Row
from benchmarks.slow_registry import MIB, Pace, add_image, serving
from config.node_files import node_files
from config.settings import of_stack
from config.topology import topology

IMAGES = 10
SIZE = 8 * MIB
RATE = MIB  # bytes per second and connection
PORT = 15000
RATIO_AIM = 2.5
DEFAULT = 3


def run() -> list[Row]:
    """Needs root, and the machine image for its Docker."""
    settings = of_stack("local")
    ours = json.loads(node_files(settings, topology(settings))["/etc/docker/daemon.json"])
    defaults = {key: value for key, value in ours.items() if key != "max-concurrent-downloads"}
    with tempfile.TemporaryDirectory(prefix="kilonode-bench-") as scratch:
        folder = Path(scratch)
        for number in range(IMAGES):
            add_image(folder / "images", f"image-{number}", SIZE, Pace(RATE))
        # Docker asks registries on loopback without TLS.
        with serving(folder / "images", "127.0.0.1", PORT) as registry:
            seconds = {
                name: pull_all(folder / name, values, registry)
                for name, values in (("ours", ours), ("default", defaults))
            }
    ratio = seconds["default"] / seconds["ours"]
    return [
        Row(
            f"{IMAGES} images of {SIZE // MIB} MiB at {RATE // MIB} MiB/s a connection, "
            f"{ours['max-concurrent-downloads']} layers at a time (D14), against {DEFAULT}",
            f"{seconds['ours']:.1f} s",
            f"{seconds['default']:.1f} s",
            f"{ratio:.1f} times as fast",
            f"≥ {RATIO_AIM} times",
            ratio >= RATIO_AIM,
        )
    ]


def pull_all(folder: Path, settings: dict[str, object], registry: str) -> float:
    """Seconds until Docker has all of them, asked for at once."""
    with dockerd(folder, settings) as docker:
        start = time.monotonic()
        pulls = [
            subprocess.Popen([*docker, "pull", "--quiet", f"{registry}/image-{number}:1"])
            for number in range(IMAGES)
        ]
        assert not any(pull.wait() for pull in pulls)
        return time.monotonic() - start
