"""The cluster's birth record: an object in Blob storage, written once per life of the cluster.

A replaced VM has lost both of its disks and cannot know whether its cluster was ever born. A member
that finds the record never founds.
"""

from __future__ import annotations

import email.utils
import json

from kilonode import blob, web
from kilonode.etcd.decision import Record, Unreadable

_NAME = "birth.json"


def read(container: str) -> Record | Unreadable | None:
    """None only if the store itself says that the container holds no record."""
    try:
        body, etag = blob.get(f"{container}/{_NAME}")
        content = json.loads(body)
        cluster_id = int(content["cluster_id"], 16)
        revision = int(content.get("revision", 0))
        return Record(content["founder"], content["token"], cluster_id, etag, revision)
    except blob.BlobError as error:
        # A missing container, or a proxy that knows nothing, is no proof of anything.
        return None if error.code == "BlobNotFound" else Unreadable(str(error))
    except (*web.ERRORS, KeyError, TypeError) as error:
        return Unreadable(str(error))


def write(container: str, record: Record, *, over: Record | None = None) -> None:
    """Creates the record, or replaces the one that was read as `over`.

    Raises one of web.ERRORS, also if another was written meanwhile.
    """
    content = {
        "founder": record.founder,
        "token": record.token,
        "cluster_id": f"{record.cluster_id:x}",
        "revision": record.revision,
        "born": email.utils.formatdate(usegmt=True),
    }
    body = json.dumps(content, indent=1).encode()
    url = f"{container}/{_NAME}"
    if over:
        blob.put(url, body, if_match=over.etag)
    else:
        blob.put(url, body, if_none_match=True)
