"""The artifacts' mirror in Blob storage: filled by a person, read with machines' identities."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobClient, ContainerClient

from config.schema.stack import Settings
from config.topology import topology
from toolchain import digest
from toolchain.errors import ToolchainError

# A container by its URL.
Opener = Callable[[str], ContainerClient]
_DOMAIN = ".blob.core.windows.net"


class UploadError(ToolchainError):
    """The container was not filled."""


def upload(settings: Settings, out: Path, open_container: Opener) -> list[str]:
    """Sends the folder's files that the container does not have; returns their paths.

    Every blob carries its SHA-256, by which the next run knows it. Raises UploadError.
    """
    container, prefix = _place(settings)
    files = sorted(file for file in out.rglob("*") if file.is_file())
    try:
        client = open_container(container)
        return [
            path
            for file in files
            if _send(file, client.get_blob_client(prefix + (path := str(file.relative_to(out)))))
        ]
    except AzureError as error:
        raise UploadError(f"{settings.artifacts.mirror}: {error}") from error


def as_this_user(url: str) -> ContainerClient:
    """With the rights of the environment, a workload or managed identity, or a developer's tool."""
    return ContainerClient.from_container_url(url, credential=DefaultAzureCredential())


def _place(settings: Settings) -> tuple[str, str]:
    """The container's URL, and what blobs' names begin with."""
    mirror = urlsplit(settings.artifacts.mirror or "")
    name, _, prefix = mirror.path.strip("/").partition("/")
    if not (mirror.hostname or "").endswith(_DOMAIN) or not name:
        own = topology(settings).artifacts_url
        raise UploadError(
            f"kilonode:artifacts.mirror = {settings.artifacts.mirror}; limit: a container of Blob "
            f"storage; remedy: set it to {own}, the cluster's own, or serve the folder yourself"
        )
    return f"https://{mirror.netloc}/{name}", f"{prefix}/" if prefix else ""


def _send(file: Path, blob: BlobClient) -> bool:
    """False if it is there already."""
    sha256 = digest.of_file(file)
    try:
        if blob.get_blob_properties().metadata.get("sha256") == sha256:
            return False
    except ResourceNotFoundError:
        pass
    print(f"kilonode: sending {file}", file=sys.stderr)
    with file.open("rb") as stream:
        # In blocks: the blob is there whole or not at all.
        blob.upload_blob(stream, overwrite=True, metadata={"sha256": sha256}, max_concurrency=4)
    return True
