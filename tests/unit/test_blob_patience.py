"""A large file goes to Blob storage in hundreds of requests, and is not lost with one of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kilonode import blob, metadata

from tests.unit.blob_store import Store, azure
from tests.unit.http_server import Answer, Request

CONTENT = b"abcdefghijklmnopqrstuvwxyz"
PATIENCE = 100.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)


class Faults:
    """Every request takes its time; the first that fits is refused, once patience would be over."""

    def __init__(self, clock: Clock, word: str, status: int) -> None:
        self._clock, self._word, self._status = clock, word, status
        self.refused = 0
        self._alone = threading.Lock()

    def __call__(self, request: Request) -> Answer | None:
        with self._alone:
            self._clock.now += PATIENCE / 8
            fits = self._word in request.path + request.headers.get("range", "")
            if self.refused or not fits or self._clock.now <= PATIENCE:
                return None
            self.refused += 1
            return Answer(status=self._status)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("kilonode.web.time.sleep", made.sleep)
    monkeypatch.setattr("kilonode.web.time.monotonic", lambda: made.now)
    return made


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[tuple[Store, str]]:
    """A store, and a blob's URL; four bytes are a block."""
    monkeypatch.setattr(blob, "_BLOCK_BYTES", 4)
    monkeypatch.setattr(metadata, "_tokens", {})
    with azure() as (store, url):
        yield store, f"{url}/etcd/snapshot"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_bytes(CONTENT)
    return made


# The sixth of seven blocks, by Azure's name for it; the commit; and a token, for which Azure says
# that its service may be away for 70 s.
@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize(
    ("word", "status"),
    [("blockid=MDAwMDAwMDU", 503), ("comp=blocklist", 500), ("/metadata/", 410)],
)
def test_a_file_is_whole_though_one_late_request_was_refused(
    word: str, status: int, at_once: int, stored: tuple[Store, str], clock: Clock, file: Path
) -> None:
    store, url = stored
    store.fault = faults = Faults(clock, word, status)
    blob.upload(url, blob.parts(file), patience=PATIENCE, at_once=at_once)
    assert faults.refused == 1
    assert store.blobs == {"/etcd/snapshot": CONTENT}


def test_a_download_is_whole_though_one_late_range_was_refused(
    stored: tuple[Store, str], clock: Clock, file: Path
) -> None:
    store, url = stored
    store.blobs["/etcd/snapshot"] = CONTENT
    store.fault = faults = Faults(clock, "bytes=20-", 503)
    blob.download(url, file, patience=PATIENCE)
    assert faults.refused == 1
    assert file.read_bytes() == CONTENT


def test_a_store_that_stays_away_is_given_up(
    stored: tuple[Store, str], clock: Clock, file: Path
) -> None:
    stored[0].down = True
    with pytest.raises(blob.BlobError, match="503"):
        blob.upload(stored[1], blob.parts(file), patience=PATIENCE)
    assert PATIENCE / 4 < clock.now <= PATIENCE


def test_what_cannot_get_better_is_asked_once(
    stored: tuple[Store, str], clock: Clock, file: Path
) -> None:
    with pytest.raises(blob.BlobError, match="BlobNotFound"):
        blob.download(stored[1], file, patience=PATIENCE)
    assert not clock.pauses


def test_rights_that_are_not_in_force_yet_are_waited_for(
    stored: tuple[Store, str], clock: Clock, file: Path
) -> None:
    store, url = stored
    store.fault = faults = Faults(clock, "comp=block", 403)
    blob.upload(url, blob.parts(file), patience=PATIENCE)
    assert faults.refused == 1
    assert store.blobs == {"/etcd/snapshot": CONTENT}


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_token_serves_many_requests_but_not_for_long(
    at_once: int, stored: tuple[Store, str], clock: Clock, file: Path
) -> None:
    """The metadata service answers a few requests a second, and may be away when it is needed."""
    store, url = stored
    asked = []

    def tokens(request: Request) -> Answer | None:
        if not request.path.startswith("/metadata/"):
            return None
        asked.append(request)
        return Answer(json.dumps({"access_token": "T", "expires_in": "3600"}).encode())

    store.fault = tokens
    blob.upload(url, blob.parts(file), patience=PATIENCE, at_once=at_once)
    assert len(asked) == 1
    clock.now = 299.0
    blob.get(url)
    assert len(asked) == 1
    clock.now = 301.0
    blob.get(url)
    assert len(asked) == 2
