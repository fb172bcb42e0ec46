"""The machines' way to Blob storage, against the service of the local Azure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kilonode import blob, metadata

from local_azure.arm.data import BLOB_DATA_CONTRIBUTOR
from local_azure.services import blob as service
from local_azure.services.access import Roles
from local_azure.services.servers import WebServers
from tests.unit import http_server
from tests.unit.services_world import GROUP, IDENTITY, World

# A storage account is asked for by the first label of its name, and this one is at 127.0.0.1.
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/127"


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty container's URL; four bytes are a large file, and three names a long list."""
    world = World(tmp_path)
    world.put("storage:StorageAccount", ACCOUNT)
    world.put("storage:BlobContainer", f"{ACCOUNT}/blobServices/default/containers/etcd")
    world.assign("3", BLOB_DATA_CONTRIBUTOR, ACCOUNT)
    token = world.tokens.issue("principal of c-etcd", service.AUDIENCE)
    answer = http_server.Answer(json.dumps({"access_token": token}).encode())
    monkeypatch.setattr(blob, "_BLOCK_BYTES", 4)
    monkeypatch.setattr(service, "PAGE", 3)
    blobs = service.BlobService(world.store, world.tokens, Roles(world.store), tmp_path / "blobs")
    servers = WebServers()
    with http_server.serving(lambda request: answer) as tokens:
        path = metadata._TOKEN.removeprefix("http://169.254.169.254")
        monkeypatch.setattr(metadata, "_TOKEN", tokens + path)
        monkeypatch.setattr(metadata, "environment", lambda: {"IDENTITY_ID": IDENTITY})
        yield f"http://127.0.0.1:{servers.serve(blobs.application(), '127.0.0.1', 0)}/etcd"
    servers.stop()


def test_a_blob_is_read_as_it_was_written(container: str) -> None:
    blob.put(f"{container}/birth.json", b"{}")
    content, etag = blob.get(f"{container}/birth.json")
    assert content == b"{}"
    assert etag


def test_of_two_that_create_a_blob_the_second_is_told(container: str) -> None:
    blob.put(f"{container}/birth.json", b"one", if_none_match=True)
    with pytest.raises(blob.BlobError) as refusal:
        blob.put(f"{container}/birth.json", b"two", if_none_match=True)
    assert refusal.value.code == "BlobAlreadyExists"
    assert "409" in str(refusal.value)
    assert "BlobAlreadyExists" in str(refusal.value)
    assert blob.get(f"{container}/birth.json")[0] == b"one"


def test_of_two_that_replace_a_blob_the_second_is_told(container: str) -> None:
    blob.put(f"{container}/birth.json", b"one")
    etag = blob.get(f"{container}/birth.json")[1]
    blob.put(f"{container}/birth.json", b"two", if_match=etag)
    with pytest.raises(blob.BlobError) as refusal:
        blob.put(f"{container}/birth.json", b"six", if_match=etag)
    assert refusal.value.code == "ConditionNotMet"
    with pytest.raises(blob.BlobError) as refusal:
        blob.delete(f"{container}/birth.json", if_match=etag)
    assert refusal.value.code == "ConditionNotMet"
    assert blob.get(f"{container}/birth.json")[0] == b"two"


def test_a_deleted_blob_is_gone(container: str) -> None:
    blob.put(f"{container}/blank", b"x")
    blob.delete(f"{container}/blank")
    with pytest.raises(blob.BlobError) as refusal:
        blob.get(f"{container}/blank")
    assert refusal.value.code == "BlobNotFound"


@pytest.mark.parametrize("content", [b"abc", b"abcd", b"abcdefghij"])
def test_a_file_goes_in_blocks_and_comes_back_in_ranges(
    content: bytes, container: str, tmp_path: Path
) -> None:
    (tmp_path / "sent").write_bytes(content)
    blob.upload(f"{container}/snapshots/recent/1.db", blob.parts(tmp_path / "sent"), patience=0)
    blob.download(f"{container}/snapshots/recent/1.db", tmp_path / "received", patience=0)
    assert (tmp_path / "received").read_bytes() == content


def test_a_file_that_did_not_arrive_whole_is_no_blob(
    container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"abcdefghij")
    ask, asked = blob._ask, []

    def breaks_off(url: str, *arguments: object, **options: object) -> object:
        asked.append(url)
        if len(asked) == 3:
            raise ConnectionResetError("gone")
        return ask(url, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(blob, "_ask", breaks_off)
    with pytest.raises(ConnectionResetError):
        blob.upload(f"{container}/snapshot", blob.parts(tmp_path / "file"), patience=0)
    assert not list(blob.list(container, "snapshot"))
    blob.upload(f"{container}/snapshot", blob.parts(tmp_path / "file"), patience=0)
    assert blob.get(f"{container}/snapshot")[0] == b"abcdefghij"


def test_a_list_is_whole_however_many_answers_it_takes(container: str) -> None:
    for number in range(7):
        blob.put(f"{container}/snapshots/{number}", b"four")
    blob.put(f"{container}/birth.json", b"{}")
    found = list(blob.list(container, "snapshots/"))
    assert [one.name for one in found] == [f"snapshots/{number}" for number in range(7)]
    assert {one.size for one in found} == {4}
    assert all(one.modified.tzinfo for one in found)
    assert not list(blob.list(container, "nothing/"))


def test_what_is_no_list_is_an_error_of_the_store(container: str) -> None:
    """A proxy's page must not look like a container without snapshots."""
    page = http_server.Answer(b"<html><p>Welcome")
    with (
        http_server.serving(lambda request: page) as proxy,
        pytest.raises(ValueError, match="not a list"),
    ):
        list(blob.list(f"{proxy}/etcd", "snapshots/"))
