"""One account of Blob storage, for the machines' programs of this process."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest
from kilonode import metadata

from tests.unit.http_server import Answer, Request, serving


class Store:
    """The metadata service's tokens, and one account of Blob storage."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.modified: dict[str, float] = {}
        self.down = False
        # What is answered instead, if anything.
        self.fault: Callable[[Request], Answer | None] = lambda request: None
        self._blocks: dict[str, bytes] = {}
        self._committed: dict[str, list[str]] = {}

    def answer(self, request: Request) -> Answer:
        if fault := self.fault(request):
            return fault
        if request.path.startswith("/metadata/"):
            return Answer(json.dumps({"access_token": "T"}).encode())
        assert request.headers["authorization"] == "Bearer T"
        if self.down:
            return Answer(status=503)
        path, _, query = request.path.partition("?")
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        if asked.get("comp") == "list":
            return self._list(path, asked["prefix"])
        if request.method == "PUT":
            return self._put(path, request, asked)
        if path not in self.blobs:
            return _refusal(404, "BlobNotFound")
        if request.method == "DELETE":
            return self._refusal(path, request.headers) or self._delete(path)
        return self._get(path, request.headers)

    def _get(self, path: str, headers: Mapping[str, str]) -> Answer:
        content, etag = self.blobs[path], {"ETag": self._etag(path)}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
        if not wanted:
            return Answer(content, headers=etag)
        part = content[int(wanted[1]) : int(wanted[2]) + 1]
        told = f"bytes {wanted[1]}-{int(wanted[1]) + len(part) - 1}/{len(content)}"
        return Answer(part, 206, {**etag, "Content-Range": told})

    def _put(self, path: str, request: Request, asked: Mapping[str, str]) -> Answer:
        if asked.get("comp") == "block":
            self._blocks[path + asked["blockid"]] = request.body
            return Answer(status=201)
        refusal = self._refusal(path, request.headers)
        if refusal:
            return refusal
        content = request.body
        if asked.get("comp") == "blocklist":
            ids = re.findall(r"<Latest>(.*?)</Latest>", content.decode())
            if self._committed.get(path) == ids and path + ids[0] not in self._blocks:
                # Sent again: the latest of each block is the one in the blob.
                return Answer(status=201)
            content = b"".join(self._blocks.pop(path + id) for id in ids)
            self._committed[path] = ids
        else:
            assert request.headers["x-ms-blob-type"] == "BlockBlob"
        self.blobs[path] = content
        self.modified[path] = time.time()
        return Answer(status=201)

    def _delete(self, path: str) -> Answer:
        del self.blobs[path]
        return Answer(status=202)

    def _list(self, container: str, prefix: str) -> Answer:
        entries = "".join(
            f"<Blob><Name>{path.removeprefix(container + '/')}</Name><Properties>"
            f"<Last-Modified>{formatdate(self.modified[path], usegmt=True)}</Last-Modified>"
            f"<Content-Length>{len(content)}</Content-Length></Properties></Blob>"
            for path, content in sorted(self.blobs.items())
            if path.startswith(f"{container}/{prefix}")
        )
        text = f"<EnumerationResults><Blobs>{entries}</Blobs><NextMarker /></EnumerationResults>"
        return Answer(text.encode())

    def _refusal(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        if headers.get("if-none-match") == "*" and path in self.blobs:
            return _refusal(409, "BlobAlreadyExists")
        if "if-match" in headers and headers["if-match"] != self._etag(path):
            return _refusal(412, "ConditionNotMet")
        return None

    def _etag(self, path: str) -> str:
        return f'"{hashlib.sha256(self.blobs[path]).hexdigest()}"' if path in self.blobs else ""


def _refusal(status: int, code: str) -> Answer:
    return Answer(status=status, headers={"x-ms-error-code": code})


IDENTITY = "/subscriptions/s/…/userAssignedIdentities/prod-etcd"


@contextmanager
def azure() -> Iterator[tuple[Store, str]]:
    """The store and its address, to which the metadata service's tokens lead."""
    store = Store()
    with pytest.MonkeyPatch.context() as patch, serving(store.answer) as url:
        asked = urlsplit(metadata._TOKEN)
        patch.setattr(metadata, "_TOKEN", f"{url}{asked.path}?{asked.query}")
        patch.setattr(metadata, "environment", lambda: {"IDENTITY_ID": IDENTITY})
        yield store, url
