"""Blob Storage's data plane at https://ACCOUNT.blob.core.windows.net/CONTAINER/BLOB.

A blob is a file: written aside, synced, and put in its place at once, so that readers and crashes
see the old one or the new one.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, SubElement, tostring

from aiohttp import web

from local_azure.arm.store import Store
from local_azure.services.access import BLOB_DATA_CONTRIBUTOR, InvalidTokenError, Roles, Tokens

AUDIENCE = "https://storage.azure.com"
OLDEST_BEARER_VERSION = "2017-11-09"
LONGEST_FILE_NAME = 250  # of the percent-encoded name; Azure's own limit is 1,024 characters
DRAFTS = ".drafts"  # on the same file system, and no container's name
CHUNK = 1 << 20


class BlobService:
    """Checks and moves of files happen in the event loop, so each pair of them is atomic."""

    def __init__(self, store: Store, tokens: Tokens, roles: Roles, directory: Path) -> None:
        (directory / DRAFTS).mkdir(parents=True, exist_ok=True, mode=0o700)
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
        kept = {_folder_name(one.id) for one in self._store.list("storage:BlobContainer")}
        for folder in self._directory.iterdir():
            if folder.name not in {*kept, DRAFTS}:
                shutil.rmtree(folder)

    async def _list(self, request: web.Request) -> web.Response:
        folder = self._folder(request)
        prefix = request.query.get("prefix", "")
        results = Element("EnumerationResults", ContainerName=request.match_info["container"])
        SubElement(results, "Prefix").text = prefix
        blobs = SubElement(results, "Blobs")
        for name in sorted(unquote(file.name) for file in folder.iterdir()):
            if name.startswith(prefix):
                file = folder / quote(name, safe="")
                blob = SubElement(blobs, "Blob")
                SubElement(blob, "Name").text = name
                properties = SubElement(blob, "Properties")
                described = _description(file) | {"Content-Length": str(file.stat().st_size)}
                for key, value in described.items():
                    SubElement(properties, key.replace("ETag", "Etag")).text = value.strip('"')
        SubElement(results, "NextMarker")
        return web.Response(text=_xml(results), content_type="application/xml")

    async def _get(self, request: web.Request) -> web.FileResponse:
        file = self._file(request)
        if not file.is_file():
            raise _error(web.HTTPNotFound, "BlobNotFound", "The specified blob does not exist.")
        return web.FileResponse(file, headers={"x-ms-blob-type": "BlockBlob"})

    async def _put(self, request: web.Request) -> web.Response:
        file = self._file(request)
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            raise _error(
                web.HTTPBadRequest, "MissingRequiredHeader", "x-ms-blob-type must be BlockBlob."
            )
        if request.content_length is None:
            raise _error(
                web.HTTPLengthRequired,
                "MissingContentLengthHeader",
                "Content-Length was not specified.",
            )
        draft = self._directory / DRAFTS / str(uuid.uuid4())
        try:
            with draft.open("wb") as out:
                async for data in request.content.iter_chunked(CHUNK):
                    out.write(data)
                out.flush()
                await asyncio.to_thread(os.fsync, out.fileno())
            _check_condition(request, file)
            draft.replace(file)
            await asyncio.to_thread(_sync, file.parent)
        finally:
            draft.unlink(missing_ok=True)
        return web.Response(status=201, headers=_description(file))

    async def _delete(self, request: web.Request) -> web.Response:
        file = self._file(request)
        if not file.is_file():
            raise _error(web.HTTPNotFound, "BlobNotFound", "The specified blob does not exist.")
        _check_condition(request, file)
        file.unlink()
        return web.Response(status=202)

    def _file(self, request: web.Request) -> Path:
        file = self._folder(request) / quote(request.match_info["blob"], safe="")
        if len(file.name) > LONGEST_FILE_NAME:
            raise _error(
                web.HTTPBadRequest, "OutOfRangeInput", "One of the request inputs is out of range."
            )
        return file

    def _folder(self, request: web.Request) -> Path:
        """The container's directory, after all that can be wrong before the blob is looked at."""
        label = request.host.partition(".")[0]
        accounts = self._store.list("storage:StorageAccount")
        account = next((one for one in accounts if one.name == label), None)
        if account is None:
            raise web.HTTPNotFound
        scope = f"{account.id}/blobServices/default/containers/{request.match_info['container']}"
        # Azure looks at the caller's rights before it says whether the container is there.
        if not self._roles.allow(self._principal(request), BLOB_DATA_CONTRIBUTOR, scope):
            raise _error(
                web.HTTPForbidden,
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission.",
            )
        if self._store.get(scope) is None:
            raise _error(
                web.HTTPNotFound, "ContainerNotFound", "The specified container does not exist."
            )
        folder = self._directory / _folder_name(scope)
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def _principal(self, request: web.Request) -> str:
        if "Authorization" not in request.headers:
            raise _error(
                web.HTTPUnauthorized,
                "NoAuthenticationInformation",
                "Server failed to authenticate.",
            )
        if request.headers.get("x-ms-version", "") < OLDEST_BEARER_VERSION:
            raise _error(
                web.HTTPForbidden,
                "AuthenticationFailed",
                "Authentication scheme Bearer is not supported in this version.",
            )
        try:
            return self._tokens.principal(request.headers["Authorization"], AUDIENCE)
        except InvalidTokenError as problem:
            raise _error(web.HTTPUnauthorized, "InvalidAuthenticationInfo", str(problem)) from None


def _folder_name(container_id: str) -> str:
    """ACCOUNT.CONTAINER of an id …/storageAccounts/ACCOUNT/blobServices/default/containers/NAME."""
    parts = container_id.lower().split("/")
    return f"{parts[-5]}.{parts[-1]}"


def _description(file: Path) -> dict[str, str]:
    # This ETag is the one that aiohttp answers and compares with when it sends the file.
    stat = file.stat()
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    return {"ETag": etag, "Last-Modified": formatdate(stat.st_mtime, usegmt=True)}


def _check_condition(request: web.Request, file: Path) -> None:
    etag = _description(file)["ETag"] if file.exists() else None
    if request.headers.get("If-None-Match") == "*" and etag is not None:
        raise _error(web.HTTPConflict, "BlobAlreadyExists", "The specified blob already exists.")
    wanted = request.headers.get("If-Match")
    if wanted is not None and (etag is None or wanted not in ("*", etag)):
        raise _error(
            web.HTTPPreconditionFailed,
            "ConditionNotMet",
            "The condition given in HTTP headers is not met.",
        )


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _xml(content: Element) -> str:
    return tostring(content, encoding="unicode", xml_declaration=True)


def _error(kind: type[web.HTTPError], code: str, message: str) -> web.HTTPError:
    error = Element("Error")
    SubElement(error, "Code").text = code
    SubElement(error, "Message").text = message
    headers = {"x-ms-error-code": code}
    if kind is web.HTTPUnauthorized:
        headers["WWW-Authenticate"] = f"Bearer resource_id={AUDIENCE}"
    return kind(text=_xml(error), content_type="application/xml", headers=headers)
