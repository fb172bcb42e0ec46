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


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that programs of machines slept between two requests; their clock moves by them."""
    slept: list[float] = []
    monkeypatch.setattr("kilonode.web.time.sleep", slept.append)
    monkeypatch.setattr("kilonode.web.time.monotonic", lambda: sum(slept))
    return slept
