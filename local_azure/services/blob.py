"""Blob Storage's data plane at https://ACCOUNT.blob.core.windows.net/CONTAINER/BLOB.

A blob is a file: written aside, synced, and put in its place at once, so that readers and crashes
see the old one or the new one.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import uuid
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from aiohttp import web

from local_azure.arm.data import ACCOUNT, BLOB_DATA_CONTRIBUTOR, BLOB_DATA_READER, CONTAINER
from local_azure.arm.store import Store
from local_azure.services.access import (
    InvalidTokenError,
    Roles,
    Tokens,
    host_resource,
)

AUDIENCE = "https://storage.azure.com"
OLDEST_BEARER_VERSION = "2017-11-09"
# Ends every file's name: aiohttp would send NAME.gz, another blob, for NAME.
SUFFIX = ".blob"
METADATA = "x-ms-meta-"  # headers with a blob's metadata; its file's extended attributes keep them
LONGEST_FILE_NAME = 255  # of the host; Azure allows a blob's name 1,024 characters
DRAFTS = ".drafts"  # on the same file system, and no container's name
CHUNK = 1 << 20
PAGE = 5000  # names in one answer of a list, at most

REFUSALS: dict[str, tuple[type[web.HTTPError], str]] = {
    "AuthenticationFailed": (
        web.HTTPForbidden,
        "Authentication scheme Bearer is not supported in this version.",
    ),
    "AuthorizationPermissionMismatch": (
        web.HTTPForbidden,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "BlobAlreadyExists": (web.HTTPConflict, "The specified blob already exists."),
    "BlobNotFound": (web.HTTPNotFound, "The specified blob does not exist."),
    "ConditionNotMet": (web.HTTPPreconditionFailed, "The condition in the headers is not met."),
    "ContainerNotFound": (web.HTTPNotFound, "The specified container does not exist."),
    "InvalidBlockList": (web.HTTPBadRequest, "The specified block list is invalid."),
    "InvalidQueryParameterValue": (web.HTTPBadRequest, "A query parameter has an invalid value."),
    "InvalidAuthenticationInfo": (web.HTTPUnauthorized, "The token is not valid here or expired."),
    "MissingContentLengthHeader": (web.HTTPLengthRequired, "Content-Length was not specified."),
    "MissingRequiredHeader": (web.HTTPBadRequest, "x-ms-blob-type must be BlockBlob."),
    "NoAuthenticationInformation": (web.HTTPUnauthorized, "Server failed to authenticate."),
    "OutOfRangeInput": (web.HTTPBadRequest, "One of the request inputs is out of range."),
}


class BlobService:
    """Checks and moves of files happen in the event loop, so each pair of them is atomic."""

    def __init__(self, store: Store, tokens: Tokens, roles: Roles, directory: Path) -> None:
        for each in (directory, directory / DRAFTS):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._store = store
        self._tokens = tokens
        self._roles = roles
        self._directory = directory

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/{container}", self._list)
        application.router.add_get("/{container}/{blob:.+}", self._get)
        application.router.add_put("/{container}/{blob:.+}", self._put)
        application.router.add_delete("/{container}/{blob:.+}", self._delete)
        return application

    def reconcile(self) -> None:
        """Blobs go with their container and their account."""
        kept = {_folder_name(one.id) for one in self._store.list(CONTAINER)}
        for folder in self._directory.iterdir():
            if folder.name not in {*kept, DRAFTS}:
                shutil.rmtree(folder)

    async def _list(self, request: web.Request) -> web.Response:
        prefix, marker = request.query.get("prefix", ""), request.query.get("marker", "")
        files = {unquote(file.stem): file for file in self._folder(request).iterdir()}
        names = sorted(name for name in files if name.startswith(prefix) and name >= marker)
        results = Element("EnumerationResults", ContainerName=request.match_info["container"])
        SubElement(results, "Prefix").text = prefix
        blobs = SubElement(results, "Blobs")
        page = min(int(request.query.get("maxresults", PAGE)), PAGE)
        for name in names[:page]:
            blob = SubElement(blobs, "Blob")
            SubElement(blob, "Name").text = name
            properties = SubElement(blob, "Properties")
            for key, value in _description(files[name]).items():
                SubElement(properties, key).text = value.strip('"')
            SubElement(properties, "Content-Length").text = str(files[name].stat().st_size)
        SubElement(results, "NextMarker").text = next(iter(names[page:]), "")
        return web.Response(text=_xml(results), content_type="application/xml")

    async def _get(self, request: web.Request) -> web.FileResponse:
        file = _existing(self._file(request))
        return web.FileResponse(file, headers={"x-ms-blob-type": "BlockBlob", **_metadata(file)})

    async def _put(self, request: web.Request) -> web.Response:
        match request.query.get("comp"):
            case None:
                return await self._put_blob(request)
            case "block":
                return await self._put_block(request)
            case "blocklist":
                return await self._put_block_list(request)
        raise _refusal("InvalidQueryParameterValue")

    async def _put_blob(self, request: web.Request) -> web.Response:
        file = self._file(request)
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            raise _refusal("MissingRequiredHeader")
        if request.content_length is None:
            raise _refusal("MissingContentLengthHeader")
        draft = self._directory / DRAFTS / str(uuid.uuid4())
        try:
            with draft.open("wb") as out:
                async for data in request.content.iter_chunked(CHUNK):
                    out.write(data)
                out.flush()
                await asyncio.to_thread(os.fsync, out.fileno())
            answer = await _commit(request, draft, file)
        finally:
            draft.unlink(missing_ok=True)
        # It is made of no blocks any more.
        self._blocks(file).with_suffix(".list").unlink(missing_ok=True)
        return answer

    async def _put_block(self, request: web.Request) -> web.Response:
        blocks = self._blocks(self._file(request))
        blocks.mkdir(exist_ok=True, mode=0o700)
        draft = self._directory / DRAFTS / str(uuid.uuid4())
        with draft.open("wb") as out:
            async for data in request.content.iter_chunked(CHUNK):
                out.write(data)
        draft.replace(blocks / quote(request.query["blockid"], safe=""))
        return web.Response(status=201)

    async def _put_block_list(self, request: web.Request) -> web.Response:
        """Of blocks that were put since the last list, or that very list once more: the blob is
        made of the latest of its blocks then. Azure would take others that it is made of, too."""
        file = self._file(request)
        blocks = self._blocks(file)
        committed = blocks.with_suffix(".list")
        body = await request.read()
        ids = [entry.text or "" for entry in fromstring(body).iter("Latest")]
        parts = [blocks / quote(id, safe="") for id in ids]
        if not all(part.is_file() for part in parts):
            if file.is_file() and committed.is_file() and committed.read_bytes() == body:
                _check_condition(request, file)
                return web.Response(status=201, headers=_description(file))
            raise _refusal("InvalidBlockList")
        draft = self._directory / DRAFTS / str(uuid.uuid4())
        try:
            await asyncio.to_thread(_join, parts, draft)
            answer = await _commit(request, draft, file)
        finally:
            draft.unlink(missing_ok=True)
        shutil.rmtree(blocks, ignore_errors=True)
        committed.write_bytes(body)
        return answer

    async def _delete(self, request: web.Request) -> web.Response:
        file = _existing(self._file(request))
        _check_condition(request, file)
        file.unlink()
        return web.Response(status=202)

    def _blocks(self, file: Path) -> Path:
        """Where the blocks wait that no list has made a blob of."""
        name = hashlib.sha256(str(file.relative_to(self._directory)).encode()).hexdigest()
        return self._directory / DRAFTS / name

    def _file(self, request: web.Request) -> Path:
        name = quote(request.match_info["blob"], safe="") + SUFFIX
        if len(name) > LONGEST_FILE_NAME:
            raise _refusal("OutOfRangeInput")
        return self._folder(request) / name

    def _folder(self, request: web.Request) -> Path:
        """The container's directory, for a caller who may use it."""
        account = host_resource(self._store, ACCOUNT, request)
        scope = f"{account.id}/blobServices/default/containers/{request.match_info['container']}"
        principal = self._principal(request)
        reads = request.method in ("GET", "HEAD")
        enough = (BLOB_DATA_CONTRIBUTOR, BLOB_DATA_READER) if reads else (BLOB_DATA_CONTRIBUTOR,)
        # Azure looks at the caller's rights before it says whether the container is there.
        if not any(self._roles.allow(principal, role, scope) for role in enough):
            raise _refusal("AuthorizationPermissionMismatch")
        if self._store.get(scope) is None:
            raise _refusal("ContainerNotFound")
        folder = self._directory / _folder_name(scope)
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def _principal(self, request: web.Request) -> str:
        if "Authorization" not in request.headers:
            raise _refusal("NoAuthenticationInformation")
        if request.headers.get("x-ms-version", "") < OLDEST_BEARER_VERSION:
            raise _refusal("AuthenticationFailed")
        try:
            return self._tokens.principal(request, AUDIENCE)
        except InvalidTokenError:
            raise _refusal("InvalidAuthenticationInfo") from None


def _folder_name(container_id: str) -> str:
    """ACCOUNT.CONTAINER of an id …/storageAccounts/ACCOUNT/blobServices/default/containers/NAME."""
    parts = container_id.lower().split("/")
    return f"{parts[-5]}.{parts[-1]}"


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise _refusal("BlobNotFound")
    return file


def _description(file: Path) -> dict[str, str]:
    # This ETag is the one that aiohttp answers and compares with when it sends the file.
    stat = file.stat()
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    return {"Etag": etag, "Last-Modified": formatdate(stat.st_mtime, usegmt=True)}


def _metadata(file: Path) -> dict[str, str]:
    names = [name for name in os.listxattr(file) if name.startswith(f"user.{METADATA}")]
    return {name.removeprefix("user."): os.getxattr(file, name).decode() for name in names}


def _check_condition(request: web.Request, file: Path) -> None:
    etag = _description(file)["Etag"] if file.exists() else None
    if request.headers.get("If-None-Match") == "*" and etag is not None:
        raise _refusal("BlobAlreadyExists")
    wanted = request.headers.get("If-Match")
    if wanted is not None and (etag is None or wanted not in ("*", etag)):
        raise _refusal("ConditionNotMet")


async def _commit(request: web.Request, draft: Path, file: Path) -> web.Response:
    """Puts the draft in the blob's place."""
    _check_condition(request, file)
    for name, value in request.headers.items():
        if name.lower().startswith(METADATA):
            os.setxattr(draft, f"user.{name.lower()}", value.encode())
    draft.replace(file)
    await asyncio.to_thread(_sync, file.parent)
    return web.Response(status=201, headers=_description(file))


def _join(parts: Sequence[Path], target: Path) -> None:
    with target.open("wb") as out:
        for part in parts:
            with part.open("rb") as content:
                shutil.copyfileobj(content, out, CHUNK)
        out.flush()
        os.fsync(out.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _xml(content: Element) -> str:
    return tostring(content, encoding="unicode", xml_declaration=True)


def _refusal(code: str) -> web.HTTPError:
    kind, message = REFUSALS[code]
    error = Element("Error")
    SubElement(error, "Code").text = code
    SubElement(error, "Message").text = message
    headers = {"x-ms-error-code": code}
    if kind is web.HTTPUnauthorized:
        headers["WWW-Authenticate"] = f"Bearer resource_id={AUDIENCE}"
    return kind(text=_xml(error), content_type="application/xml", headers=headers)
