"""Blob storage, with this machine's identity.

A large file goes there in blocks and comes back in ranges, so that no request is long, none needs
much memory, and a blob is there with its last block or not at all.
"""

from __future__ import annotations

import base64
import datetime
import email.utils
import urllib.error
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, MutableSequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPMessage
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

from kilonode import metadata, web

_STORAGE = "https://storage.azure.com"
_SECONDS = 10.0
# A blob has at most 50,000 blocks, of at most 4,000 MiB each.
_BLOCK_BYTES = 32 << 20
_BLOCK_SECONDS = 60.0
# No such blob, another than before, or a wrong question: the same request gets the same answer. Not
# 403, since rights take minutes to be in force.
_FINAL = (400, 404, 409, 412, 416)


class BlobError(OSError):
    """The store refuses. `code`: Azure's word for it, such as BlobNotFound; `status`: HTTP's."""

    def __init__(self, error: urllib.error.HTTPError) -> None:
        self.code = str(error.headers.get("x-ms-error-code", ""))
        self.status = error.code
        super().__init__(f"{error} {self.code}".strip())


@dataclass(frozen=True)
class Blob:
    """`name`: within its container."""

    name: str
    size: int
    modified: datetime.datetime


# All functions raise BlobError or another of web.ERRORS. `patience`: for how many seconds each of
# several requests is tried again, so that a large file is not lost with one of hundreds.


def get(url: str) -> tuple[bytes, str]:
    """Content and ETag."""
    content, headers = _ask(url)
    return content, headers["ETag"]


def put(url: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> None:
    """Writes a blob; if_none_match: only if there is none; if_match: only over this ETag."""
    headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
    if if_none_match:
        headers["If-None-Match"] = "*"
    if if_match is not None:
        headers["If-Match"] = if_match
    _ask(url, headers, method="PUT", body=body)


def delete(url: str, *, if_match: str | None = None) -> None:
    _ask(url, {} if if_match is None else {"If-Match": if_match}, method="DELETE")


def parts(path: Path) -> Iterator[bytes]:
    """A file, in parts of the size that blocks have."""
    with path.open("rb") as stream:
        while part := stream.read(_BLOCK_BYTES):
            yield part


def upload(url: str, content: Iterable[bytes], *, patience: float, at_once: int = 1) -> None:
    """Makes the parts a blob, in the place of an earlier one. `at_once`: sent side by side."""
    left = iter(content)
    ids: MutableSequence[str] = []

    def put(id: str, block: bytes) -> None:
        address = f"{url}?comp=block&blockid={urllib.parse.quote(id, safe='')}"
        _keep_asking(address, patience, method="PUT", body=block)

    with ThreadPoolExecutor(at_once) as pool:
        while blocks := tuple(islice(left, at_once)):
            # All ids of a blob are of the same length.
            count = len(ids)
            numbers = range(count, count + len(blocks))
            ids += [base64.b64encode(f"{number:08}".encode()).decode() for number in numbers]
            tuple(pool.map(put, ids[count:], blocks))
    listed = "".join(f"<Latest>{id}</Latest>" for id in ids)
    body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'
    _keep_asking(f"{url}?comp=blocklist", patience, method="PUT", body=body.encode())


def download(url: str, path: Path, *, patience: float) -> None:
    """Writes the blob to a file. An upload in between is an error, not a mixture."""
    done, total = 0, 1
    condition: Mapping[str, str] = {}
    with path.open("wb") as stream:
        while done < total:
            wanted = {"Range": f"bytes={done}-{done + _BLOCK_BYTES - 1}", **condition}
            content, headers = _keep_asking(url, patience, wanted)
            stream.write(content)
            done += len(content)
            total = int(headers["Content-Range"].rpartition("/")[2])
            condition = {"If-Match": headers["ETag"]}


def list(container: str, prefix: str) -> Iterator[Blob]:
    """Blobs of the container (a URL) whose names begin so, in the order of their names."""
    query = {"restype": "container", "comp": "list", "prefix": prefix}
    while True:
        content, _ = _ask(f"{container}?{urllib.parse.urlencode(query)}")
        try:
            page = ElementTree.fromstring(content)
            yield from [_listed(entry) for entry in page.iter("Blob")]
        except (ElementTree.ParseError, TypeError) as error:
            raise ValueError(f"not a list of blobs: {error}") from error
        query["marker"] = page.findtext("NextMarker") or ""
        if not query["marker"]:
            return


def _listed(entry: ElementTree.Element) -> Blob:
    return Blob(
        name=entry.findtext("Name", ""),
        size=int(entry.findtext("Properties/Content-Length", "")),
        modified=email.utils.parsedate_to_datetime(entry.findtext("Properties/Last-Modified", "")),
    )


def _keep_asking(
    url: str,
    patience: float,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes | None = None,
) -> tuple[bytes, HTTPMessage]:
    """One request of a large file."""

    def attempt() -> tuple[bytes, HTTPMessage] | BlobError:
        try:
            return _ask(url, headers, method=method, body=body, seconds=_BLOCK_SECONDS)
        except BlobError as error:
            if error.status in _FINAL:
                return error
            raise

    answer = web.retry(url, attempt, patience)
    if isinstance(answer, BlobError):
        raise answer
    return answer


def _ask(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes | None = None,
    seconds: float = _SECONDS,
) -> tuple[bytes, HTTPMessage]:
    own = {
        "Authorization": f"Bearer {metadata.token(_STORAGE)}",
        "x-ms-version": "2023-11-03",
        "x-ms-date": email.utils.formatdate(usegmt=True),
    }
    try:
        return web.exchange(
            url, {**own, **(headers or {})}, method=method, body=body, timeout=seconds
        )
    except urllib.error.HTTPError as error:
        raise BlobError(error) from error
