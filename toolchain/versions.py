"""Versions as tuples that compare."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(.*)", re.DOTALL)


def parse(text: str) -> tuple[int, ...] | None:
    """Parse `v1.2.3` or `1.2`; a pre-release sorts before its release."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch, rest = match.groups()
    # `-alpha.1` and `rc1` come before the release; `+build` says nothing of age.
    early = bool(rest) and not rest.startswith("+")
    return (int(major), int(minor), int(patch or 0), 0 if early else 1)
