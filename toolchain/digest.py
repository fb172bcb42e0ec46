"""Hashes of files, folders and plain values."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def of_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_folder(folder: Path) -> str:
    """SHA-256 over the names and contents of a folder's files."""
    listing = {
        str(path.relative_to(folder)): of_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return of_value(listing)


def of_value(value: object) -> str:
    """SHA-256 of a value that JSON can hold, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
