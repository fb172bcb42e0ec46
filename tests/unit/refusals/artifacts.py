"""What machines install."""

from __future__ import annotations

from config.checks import artifacts
from tests.unit.refusals import Row

ROWS = {
    "a checksum of an unknown artifact, with the nearest known one": Row(
        artifacts.checksums_are_of_known_artifacts,
        {"artifacts": {"checksums": {"flanel": "0" * 64}}},
        "artifacts.checksums.flanel",
        ["did you mean flannel?"],
    ),
    "a checksum of an archive whose images are others now": Row(
        artifacts.checksums_are_of_known_artifacts,
        {
            "artifacts": {
                "mirror": "https://m.example.com",
                "checksums": {"pause-image-0123456789abcdef": "0" * 64},
            }
        },
        "artifacts.checksums.pause-image-0123456789abcdef",
        ["run `make mirror` again"],
    ),
}
