"""Blobs: what etcd's birth record and its snapshots rely on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from local_azure.arm.data import BLOB_DATA_READER
from local_azure.services.access import Roles
from local_azure.services.blob import AUDIENCE, BlobService
from tests.unit.services_world import CONTAINER, Answer, Client, World, serving

BIRTH = "/etcd/birth/record"
LIST = "/etcd?restype=container&comp=list"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.assign("3", BLOB_DATA_READER, CONTAINER, "a reader")
    return world


@pytest.fixture
def service(world: World) -> BlobService:
    return BlobService(world.store, world.tokens, Roles(world.store), world.path / "blobs")


@pytest.fixture
def ask(service: BlobService) -> Iterator[Client]:
    with serving(service.application(), "cstore1.blob.core.windows.net") as client:
        yield client


@pytest.fixture
def rights(world: World) -> dict[str, str]:
    token = world.tokens.issue("principal of c-etcd", AUDIENCE + "/")
    return {"Authorization": f"Bearer {token}", "x_ms_version": "2021-08-06"}


def put(ask: Client, path: str, content: bytes, headers: dict[str, str]) -> Answer:
    return ask(path, "PUT", content, x_ms_blob_type="BlockBlob", **headers)


def code(answer: Answer) -> tuple[int, str | None]:
    found = ElementTree.fromstring(answer.body).findtext("Code")
    assert answer.headers["x-ms-error-code"] == found
    return answer.status, found


def test_a_blob_comes_back_as_it_was_put(ask: Client, rights: dict[str, str]) -> None:
    content = bytes(range(256)) * 20_000
    written = put(ask, BIRTH, content, rights)
    assert written.status == 201
    read = ask(BIRTH, **rights)
    assert (read.status, read.body) == (200, content)
    assert read.headers["ETag"] == written.headers["ETag"]
    head = ask(BIRTH, "HEAD", **rights)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(content))
    assert head.headers["ETag"] == written.headers["ETag"]


def test_a_birth_record_is_written_once(ask: Client, rights: dict[str, str]) -> None:
    first = put(ask, BIRTH, b"first", rights | {"If_None_Match": "*"})
    second = put(ask, BIRTH, b"second", rights | {"If_None_Match": "*"})
    assert first.status == 201
    assert code(second) == (409, "BlobAlreadyExists")
    assert ask(BIRTH, **rights).body == b"first"


def test_of_many_writers_at_once_one_wins(ask: Client, rights: dict[str, str]) -> None:
    answers: list[int] = []

    def write(content: bytes) -> None:
        answers.append(put(ask, BIRTH, content, rights | {"If_None_Match": "*"}).status)

    writers = [threading.Thread(target=write, args=(b"%d" % number,)) for number in range(20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(answers) == [201] + [409] * 19


def test_a_blob_is_replaced_only_as_it_was_read(ask: Client, rights: dict[str, str]) -> None:
    etag = put(ask, BIRTH, b"one", rights).headers["ETag"]
    assert put(ask, BIRTH, b"two", rights | {"If_Match": etag}).status == 201
    late = put(ask, BIRTH, b"six", rights | {"If_Match": etag})
    assert code(late) == (412, "ConditionNotMet")
    assert ask(BIRTH, **rights).body == b"two"
    assert put(ask, "/etcd/new", b"x", rights | {"If_Match": "*"}).status == 412


def test_a_deleted_blob_is_gone(ask: Client, rights: dict[str, str]) -> None:
    put(ask, BIRTH, b"x", rights)
    assert ask(BIRTH, "DELETE", **rights).status == 202
    assert code(ask(BIRTH, **rights)) == (404, "BlobNotFound")
    assert code(ask(BIRTH, "DELETE", **rights)) == (404, "BlobNotFound")


def test_a_list_has_the_names_below_a_prefix_in_order(ask: Client, rights: dict[str, str]) -> None:
    for name in ("snapshots/2", "snapshots/1%20%26", "birth"):
        put(ask, f"/etcd/{name}", b"four", rights)
    answer = ask(f"{LIST}&prefix=snapshots/", **rights)
    results = ElementTree.fromstring(answer.body)
    assert [one.text for one in results.iter("Name")] == ["snapshots/1 &", "snapshots/2"]
    assert [one.text for one in results.iter("Content-Length")] == ["4", "4"]
    assert len(list(ElementTree.fromstring(ask(LIST, **rights).body).iter("Blob"))) == 3


def test_a_name_that_climbs_stays_in_its_container(
    world: World, ask: Client, rights: dict[str, str]
) -> None:
    put(ask, "/etcd/..%2F..%2Foutside", b"x", rights)
    assert not list(world.path.glob("*outside*"))
    assert len(list((world.path / "blobs" / "cstore1.etcd").iterdir())) == 1


def test_a_compressed_neighbour_is_another_blob(ask: Client, rights: dict[str, str]) -> None:
    put(ask, "/etcd/snapshot", b"plain", rights)
    put(ask, "/etcd/snapshot.gz", b"compressed", rights)
    answer = ask("/etcd/snapshot", Accept_Encoding="gzip", **rights)
    assert answer.body == b"plain"
    assert ask("/etcd/snapshot.gz", **rights).headers["Content-Encoding"] is None


def test_without_a_token_nothing_is_read(ask: Client) -> None:
    answer = ask(BIRTH, x_ms_version="2021-08-06")
    assert code(answer) == (401, "NoAuthenticationInformation")
    assert "https://storage.azure.com" in answer.headers["WWW-Authenticate"]


def test_a_token_needs_a_version_that_knows_tokens(ask: Client, rights: dict[str, str]) -> None:
    answer = ask(BIRTH, Authorization=rights["Authorization"])
    assert code(answer) == (403, "AuthenticationFailed")


def test_a_token_for_the_vault_is_refused(world: World, ask: Client) -> None:
    token = world.tokens.issue("principal of c-etcd", "https://vault.azure.net")
    answer = ask(BIRTH, Authorization=f"Bearer {token}", x_ms_version="2021-08-06")
    assert code(answer) == (401, "InvalidAuthenticationInfo")


def test_a_principal_without_the_role_is_refused(world: World, ask: Client) -> None:
    token = world.tokens.issue("principal of another", AUDIENCE)
    answer = ask(BIRTH, Authorization=f"Bearer {token}", x_ms_version="2021-08-06")
    assert code(answer) == (403, "AuthorizationPermissionMismatch")


def test_a_reader_reads_and_does_not_write(
    world: World, ask: Client, rights: dict[str, str]
) -> None:
    put(ask, BIRTH, b"born", rights)
    token = world.tokens.issue("a reader", AUDIENCE)
    reader = {"Authorization": f"Bearer {token}", "x_ms_version": "2021-08-06"}
    assert ask(BIRTH, **reader).body == b"born"
    refused = (403, "AuthorizationPermissionMismatch")
    assert code(put(ask, BIRTH, b"other", reader)) == refused
    assert code(ask(BIRTH, "DELETE", **reader)) == refused


def test_a_missing_container_is_said(ask: Client, rights: dict[str, str]) -> None:
    assert code(ask("/events/birth", **rights)) == (404, "ContainerNotFound")


def test_a_blob_needs_its_type_and_its_length(ask: Client, rights: dict[str, str]) -> None:
    assert code(ask(BIRTH, "PUT", b"x", **rights)) == (400, "MissingRequiredHeader")
    too_long = "/etcd/" + "n" * 300
    assert code(put(ask, too_long, b"x", rights)) == (400, "OutOfRangeInput")


def test_blobs_go_with_their_container(
    world: World, service: BlobService, ask: Client, rights: dict[str, str]
) -> None:
    put(ask, BIRTH, b"x", rights)
    service.reconcile()
    assert ask(BIRTH, **rights).status == 200
    world.store.delete(CONTAINER)
    service.reconcile()
    world.put("storage:BlobContainer", CONTAINER)
    assert code(ask(BIRTH, **rights)) == (404, "BlobNotFound")


def test_blobs_are_for_root_only(world: World, ask: Client, rights: dict[str, str]) -> None:
    put(ask, BIRTH, b"x", rights)
    blobs = world.path / "blobs"
    assert {one.stat().st_mode & 0o77 for one in (blobs, blobs / "cstore1.etcd")} == {0}


def test_blocks_are_a_blob_only_by_their_list(ask: Client, rights: dict[str, str]) -> None:
    for id, content in (("MDE=", b"one "), ("MDI=", b"two")):
        assert ask(f"{BIRTH}?comp=block&blockid={id}", "PUT", content, **rights).status == 201
    assert code(ask(BIRTH, **rights)) == (404, "BlobNotFound")
    known = "<BlockList><Latest>MDE=</Latest><Latest>MDI=</Latest></BlockList>"
    wrong = known.replace("MDI", "MDM")
    answer = ask(f"{BIRTH}?comp=blocklist", "PUT", wrong.encode(), **rights)
    assert code(answer) == (400, "InvalidBlockList")
    assert ask(f"{BIRTH}?comp=blocklist", "PUT", known.encode(), **rights).status == 201
    assert ask(BIRTH, **rights).body == b"one two"
    # Whoever did not hear the answer asks again.
    assert ask(f"{BIRTH}?comp=blocklist", "PUT", known.encode(), **rights).status == 201
    assert ask(BIRTH, **rights).body == b"one two"
    # Blocks of a blob that another has taken the place of.
    put(ask, BIRTH, b"whole", rights)
    answer = ask(f"{BIRTH}?comp=blocklist", "PUT", known.encode(), **rights)
    assert code(answer) == (400, "InvalidBlockList")


def test_a_block_list_keeps_to_conditions(ask: Client, rights: dict[str, str]) -> None:
    put(ask, BIRTH, b"first", rights)
    ask(f"{BIRTH}?comp=block&blockid=MDE=", "PUT", b"second", **rights)
    known = b"<BlockList><Latest>MDE=</Latest></BlockList>"
    answer = ask(f"{BIRTH}?comp=blocklist", "PUT", known, **rights, If_None_Match="*")
    assert code(answer) == (409, "BlobAlreadyExists")
    assert ask(BIRTH, **rights).body == b"first"


def test_a_part_of_a_blob_is_told_with_the_size_of_all(ask: Client, rights: dict[str, str]) -> None:
    put(ask, BIRTH, b"0123456789", rights)
    part = ask(BIRTH, Range="bytes=8-11", **rights)
    assert (part.status, part.body) == (206, b"89")
    assert part.headers["Content-Range"] == "bytes 8-9/10"


def test_a_long_list_comes_in_pages(ask: Client, rights: dict[str, str]) -> None:
    for number in range(3):
        put(ask, f"/etcd/{number}", b"x", rights)
    first = ElementTree.fromstring(ask(f"{LIST}&maxresults=2", **rights).body)
    assert [one.text for one in first.iter("Name")] == ["0", "1"]
    marker = first.findtext("NextMarker")
    rest = ElementTree.fromstring(ask(f"{LIST}&maxresults=2&marker={marker}", **rights).body)
    assert [one.text for one in rest.iter("Name")] == ["2"]
    assert not rest.findtext("NextMarker")
