"""Blob storage as the artifacts' mirror: filled once by a person, read by machines' identities."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient
from requests.adapters import HTTPAdapter

from commands.blob_mirror import UploadError, upload
from config.settings import Settings
from local_azure.services.access import Roles
from local_azure.services.blob import AUDIENCE, BlobService
from tests.unit.services_world import CONTAINER, World, serving
from tests.unit.settings_samples import settings

HOST = "cstore1.blob.core.windows.net"
PATHS = ("github.com/x/tool.tgz", "images/pause-image-1.tar", "checksums.json")


class Loopback(HTTPAdapter):
    """Azure's names, served by this computer without TLS. Counts what is written."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.written = 0
        self.broken_after = 10**9

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(str(request.url))
        request.headers["Host"] = parts.netloc
        request.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{self._port}").geturl()
        if request.method == "PUT":
            if self.written >= self.broken_after:
                raise requests.exceptions.InvalidURL("the line is cut")
            self.written += 1
        return super().send(request, *args, **kwargs)


@pytest.fixture
def world(tmp_path: Path) -> World:
    folder = tmp_path / "world"
    folder.mkdir()
    world = World(folder)
    world.put("storage:BlobContainer", CONTAINER.replace("/etcd", "/artifacts"))
    return world


@pytest.fixture
def line(world: World) -> Iterator[Loopback]:
    service = BlobService(world.store, world.tokens, Roles(world.store), world.path / "blobs")
    with serving(service.application(), HOST) as client:
        yield Loopback(client.port)


@pytest.fixture
def person(world: World, line: Loopback) -> Callable[[str], ContainerClient]:
    """Opens containers with rights of its own."""

    class Login:
        def get_token(self, *_: str, **__: Any) -> AccessToken:
            return AccessToken(
                world.tokens.issue("principal of c-etcd", AUDIENCE), int(time.time()) + 3600
            )

    session = requests.Session()
    session.mount("https://", line)

    def opened(url: str) -> ContainerClient:
        return ContainerClient.from_container_url(
            url,
            credential=Login(),
            transport=RequestsTransport(session=session, session_owner=False),
            # So that this much content is sent in blocks, too.
            max_single_put_size=1 << 16,
            max_block_size=1 << 16,
            retry_total=0,
        )

    return opened


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    for number, path in enumerate(PATHS):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(bytes([number]) * (100_000 * number + 7))
    return folder


def mirrored(path: str = "artifacts") -> Settings:
    return settings({"artifacts.mirror": f"https://{HOST}/{path}"})


def test_the_container_is_filled_once(
    out: Path, person: Callable[..., Any], line: Loopback
) -> None:
    assert set(upload(mirrored(), out, person)) == set(PATHS)
    for path in PATHS:
        blob = person(f"https://{HOST}/artifacts").get_blob_client(path)
        assert blob.get_blob_properties().size == (out / path).stat().st_size
    line.written = 0
    assert upload(mirrored(), out, person) == []
    assert line.written == 0


def test_only_what_has_changed_is_sent_again(out: Path, person: Callable[..., Any]) -> None:
    upload(mirrored(), out, person)
    (out / PATHS[0]).write_bytes(b"newer..")
    assert upload(mirrored(), out, person) == [PATHS[0]]


def test_a_run_that_was_cut_off_goes_on_where_it_was(
    out: Path, person: Callable[..., Any], line: Loopback
) -> None:
    line.broken_after = 5  # all blocks of the first file, and the list of them
    with pytest.raises((UploadError, requests.exceptions.RequestException)):
        upload(mirrored(), out, person)
    line.broken_after = 10**9
    sent = upload(mirrored(), out, person)
    assert 0 < len(sent) < len(PATHS)


def test_a_mirror_may_be_a_folder_of_the_container(out: Path, person: Callable[..., Any]) -> None:
    upload(mirrored("artifacts/a/b"), out, person)
    names = [f"a/b/{path}" for path in PATHS]
    client = person(f"https://{HOST}/artifacts")
    assert all(client.get_blob_client(name).exists() for name in names)


def test_a_container_without_rights_is_an_error_that_names_it(
    out: Path, person: Callable[..., Any]
) -> None:
    with pytest.raises(UploadError, match=f"{HOST}/nowhere"):
        upload(mirrored("nowhere"), out, person)


@pytest.mark.parametrize("mirror", ["", "https://m.example.com/x", f"https://{HOST}"])
def test_a_mirror_that_is_no_container_is_refused_with_the_clusters_own(
    mirror: str, out: Path, person: Callable[..., Any]
) -> None:
    with pytest.raises(UploadError, match=r"kilonode:artifacts.mirror = (?s:.*)/artifacts"):
        upload(settings({"artifacts.mirror": mirror} if mirror else {}), out, person)
