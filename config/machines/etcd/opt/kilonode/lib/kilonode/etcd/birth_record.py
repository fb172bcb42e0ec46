"""The cluster's birth record: one object in Blob storage, written once.

A replaced VM has lost both of its disks and cannot know whether its cluster was ever born. A member
that finds the record never founds.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import urllib.error

from kilonode import metadata, web
from kilonode.etcd.decision import Record, Unreadable

_STORAGE = "https://storage.azure.com"
_NAME = "birth.json"


def read(container: str) -> Record | Unreadable | None:
    """None only if the store itself says that the container holds no record."""
    try:
        content = json.loads(web.send(f"{container}/{_NAME}", _headers()))
        return Record(content["founder"], content["token"], int(content["cluster_id"], 16))
    except urllib.error.HTTPError as error:
        # A missing container, or a proxy that knows nothing, is no proof of anything.
        if error.code == http.client.NOT_FOUND and _code(error) == "BlobNotFound":
            return None
        return Unreadable(f"{error} {_code(error)}".strip())
    except (*web.ERRORS, KeyError, TypeError) as error:
        return Unreadable(str(error))


def write(container: str, record: Record) -> None:
    """Creates the record. Raises one of web.ERRORS, also if there is one already."""
    content = {
        "founder": record.founder,
        "token": record.token,
        "cluster_id": f"{record.cluster_id:x}",
        "born": email.utils.formatdate(usegmt=True),
    }
    headers = {**_headers(), "x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
    headers["Content-Type"] = "application/json"
    body = json.dumps(content, indent=1).encode()
    web.send(f"{container}/{_NAME}", headers, method="PUT", body=body)


def _headers() -> dict[str, str]:
    return {
        "Authorization": f"Bearer {metadata.token(_STORAGE)}",
        "x-ms-version": "2023-11-03",
        "x-ms-date": email.utils.formatdate(usegmt=True),
    }


def _code(error: urllib.error.HTTPError) -> str:
    return str(error.headers.get("x-ms-error-code", ""))
