"""Real etcd members for whoever asks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kilonode import metadata
from kilonode.etcd import client, member

from tests.unit.etcd_machines import Launch, Store, World
from tests.unit.http_server import serving
from toolchain import spec
from toolchain.ensure import Toolchain
from toolchain.errors import ToolchainError
from toolchain.options import Options


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of etcd and etcdctl."""
    found = shutil.which("etcd")
    if found:
        return Path(found).parent
    try:
        return Toolchain(spec.load(), Options.from_environment()).folders("up").bin
    except ToolchainError as error:
        pytest.skip(f"needs etcd: {error}")


@pytest.fixture(scope="module")
def azure() -> Iterator[tuple[Store, str]]:
    """Blob storage and its address."""
    store = Store()
    with pytest.MonkeyPatch.context() as patch, serving(store.answer) as url:
        path = metadata._TOKEN.removeprefix("http://169.254.169.254")
        patch.setattr(metadata, "_TOKEN", url + path)
        patch.setattr(member, "_PAUSE_SECONDS", 0.2)
        patch.setattr(client, "_ANSWER_SECONDS", 1.0)
        yield store, url


@pytest.fixture
def store(azure: tuple[Store, str]) -> Iterator[Store]:
    yield azure[0]
    azure[0].down = False


@pytest.fixture
def machine(azure: tuple[Store, str], programs: Path, tmp_path: Path) -> Iterator[Launch]:
    """Machines of a cluster that is not born yet."""
    world = World(tmp_path, programs, f"{azure[1]}/{tmp_path.name}")
    yield world.machine
    world.end()
