"""Voters' reports that they have none of their cluster's data: one blob for each.

A report is true for as long as it is there: it is taken back before its machine gets data again.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from kilonode import blob

# For people: which boot of the machine found no data.
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# All functions raise one of web.ERRORS. `container`: its URL.


def make(container: str, cluster_id: int, name: str) -> None:
    blob.put(_url(container, cluster_id, name), _BOOT_ID.read_bytes())


def take_back(container: str, cluster_id: int, name: str) -> None:
    """Also if there is none."""
    try:
        blob.delete(_url(container, cluster_id, name))
    except blob.BlobError as error:
        if error.code != "BlobNotFound":
            raise


def names(container: str, cluster_id: int) -> frozenset[str]:
    """Of the members that have reported."""
    listed = blob.list(container, f"{_folder(cluster_id)}/")
    return frozenset(PurePosixPath(report.name).name for report in listed)


def _url(container: str, cluster_id: int, name: str) -> str:
    return f"{container}/{_folder(cluster_id)}/{name}"


def _folder(cluster_id: int) -> str:
    return f"blank/{cluster_id:x}"
