"""What machines install."""

from __future__ import annotations

from config.checks import artifacts
from config.topology import topology
from tests.unit.refusals import Row
from tests.unit.settings_samples import settings

OWN = topology(settings()).blob_url

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
    **{
        f"{what} of the cluster's own account as the mirror": Row(
            artifacts.own_account_has_one_mirror,
            {"artifacts.mirror": mirror},
            "artifacts.mirror",
            [f"= {mirror}; ", f"limit: {OWN}/artifacts where", f"write {OWN}/artifacts"],
        )
        for what, mirror in {
            "another container": f"{OWN}/snapshots",
            "a folder": f"{OWN}/artifacts/kilonode",
            "no container": OWN,
            "the port": f"{OWN}:443/artifacts",
        }.items()
    },
}
