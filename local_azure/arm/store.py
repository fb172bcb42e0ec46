"""What exists in the local Azure: one JSON file a resource, at the path of its ARM id.

Azure compares ids without regard to case, so files are named in lower case. The files hold secrets
and are for root only. `writes.log` gets one line a write: an `up` that changes nothing adds none.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Resource:
    """One ARM resource.

    type: Pulumi's token without the package, as "compute:VirtualMachine".
    id: full ARM id. name: last segment's name. group: resource group, "" for role assignments.
    properties: the Pulumi inputs as last written (camelCase, plain values, secrets unwrapped).
    outputs: what Azure adds, in the shape of Pulumi's outputs (principalId, provisioningState, …).
    """

    type: str
    id: str
    name: str
    group: str
    properties: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)


class Store:
    """Resources below `path`. Hold `lock` from a check to the write that relies on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._seen: dict[str, tuple[int, int, Resource]] = {}

    def get(self, resource_id: str) -> Resource | None:
        """The resource with this id, or None; a child of a deleted parent is gone with it."""
        return self._read(self._file(resource_id))

    def put(self, resource: Resource) -> None:
        with self.lock:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = self._file(resource.id)
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = file.with_suffix(".draft")
            with _private(draft, os.O_TRUNC) as out:
                json.dump(asdict(resource), out, indent=1, sort_keys=True)
            draft.replace(file)
            self._log("PUT", resource)

    def delete(self, resource_id: str) -> None:
        with self.lock:
            resource = self.get(resource_id)
            if resource is not None:
                self._file(resource_id).unlink()
                self._log("DELETE", resource)

    def list(self, type: str | None = None) -> Sequence[Resource]:
        """Resources in the order of their ids."""
        return [resource for resource in self._all() if type in (None, resource.type)]

    def children(self, resource_id: str) -> Sequence[Resource]:
        """Resources whose ids lie below this one, at any depth."""
        prefix = resource_id.lower() + "/"
        return [resource for resource in self._all() if resource.id.lower().startswith(prefix)]

    def _all(self) -> Iterator[Resource]:
        for file in sorted(self.path.rglob("*.json")):
            resource = self._read(file)
            if resource is not None:
                yield resource

    def _file(self, resource_id: str) -> Path:
        return self.path / (resource_id.lower().strip("/") + ".json")

    def _read(self, file: Path) -> Resource | None:
        """Parsed once for each version of the file: another process may have written it."""
        try:
            stat = file.stat()
            seen = self._seen.get(str(file))
            if seen is not None and seen[:2] == (stat.st_mtime_ns, stat.st_ino):
                return seen[2]
            resource = Resource(**json.loads(file.read_text()))
        except FileNotFoundError:
            return None
        self._seen[str(file)] = (stat.st_mtime_ns, stat.st_ino, resource)
        return resource

    def _log(self, verb: str, resource: Resource) -> None:
        line = f"{datetime.now(UTC).isoformat()} {verb} {resource.type} {resource.id}\n"
        with _private(self.path / "writes.log", os.O_APPEND) as log:
            log.write(line)


def _private(file: Path, flags: int) -> IO[str]:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | flags, 0o600), "w")
