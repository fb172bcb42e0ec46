"""Real etcd members without a disk to wait for: what they decide is the question, not how fast."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kilonode.etcd import client, declared, member

from tests.etcd.world import Launch, World
from tests.unit import blob_store
from tests.unit.blob_store import Store


@pytest.fixture(scope="module")
def azure() -> Iterator[tuple[Store, str]]:
    """Blob storage and its address, for programs that do not wait long."""
    with pytest.MonkeyPatch.context() as patch, blob_store.azure() as (store, url):
        patch.setattr(member, "_PAUSE_SECONDS", 0.2)
        patch.setattr(client, "_ANSWER_SECONDS", 1.0)
        patch.setattr(declared, "_PATIENCE_SECONDS", 0.0)
        yield store, url


@pytest.fixture
def store(azure: tuple[Store, str]) -> Iterator[Store]:
    yield azure[0]
    azure[0].down = False


@pytest.fixture
def world(azure: tuple[Store, str], programs: Path, tmp_path: Path) -> Iterator[World]:
    """A cluster that is not born yet."""
    made = World(tmp_path, programs, f"{azure[1]}/{tmp_path.name}")
    yield made
    made.end()


@pytest.fixture
def machine(world: World) -> Launch:
    """Its machines."""
    return world.machine
