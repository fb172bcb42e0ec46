"""Tests for which Python's packages are enough."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_toolchain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What needs the toolchain's programs belongs to another kind: here it finds none of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KILONODE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
