"""Images by name: where they come from, and which of them machines bring along (D15)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config import images
from config.artifacts import catalog
from config.environment import IMAGES_FILE, machine_user_data
from config.settings import unbuildable
from config.topology import topology
from tests.unit.settings_samples import settings

MIRROR = {"artifacts.mirror": "https://m.example.com"}
ONE = f"quay.io/a/b:1@sha256:{'1' * 64}"
OTHER = f"quay.io/a/c:2@sha256:{'2' * 64}"
POOL = {"size": "Standard_D16ds_v5", "scaleSets": {"a": {"nodes": 0, "maxNodes": 1}}}


def brought(machine: str, changes: dict[str, Any]) -> Any:
    """What the machine is to have loaded."""
    loaded = settings(changes)
    plan = topology(loaded)
    (found,) = [one for one in plan.machines if one.name == machine]
    return json.loads(machine_user_data(loaded, plan, found).files[IMAGES_FILE])


@pytest.mark.parametrize("machine", ["test-cpu-a", "test-master-a"])
def test_every_machine_that_runs_pods_brings_its_pause_image_along_d15(machine: str) -> None:
    pause = brought(machine, MIRROR)["pause"]
    assert pause["images"] == [catalog().images["pause"]]
    assert pause["url"] == f"images/{pause['name']}.tar"


def test_only_a_pools_nodes_bring_its_list_along() -> None:
    changes = {**MIRROR, "nodePools.cpu.preload": [ONE], "nodePools.gpu": POOL}
    assert brought("test-cpu-a", changes)["pool"]["images"] == ["quay.io/a/b:1"]
    assert "pool" not in brought("test-gpu-a", changes)
    assert "pool" not in brought("test-master-a", changes)


def test_a_changed_list_is_new_user_data_for_that_pool_alone() -> None:
    """Nodes that are there keep theirs; the pool's next ones load the new list."""

    def hashes(preload: list[str]) -> dict[str, str]:
        loaded = settings({**MIRROR, "nodePools.cpu.preload": preload, "nodePools.gpu": POOL})
        plan = topology(loaded)
        return {one.name: machine_user_data(loaded, plan, one).sha256 for one in plan.machines}

    before, after = hashes([ONE]), hashes([ONE, OTHER])
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"test-cpu-a", "test-cpu-b"}


def test_an_archive_is_called_after_what_is_in_it() -> None:
    """So that the sum of another list is never taken for this one's."""

    def name(preload: list[str]) -> str:
        found = images.pool_archive(settings({**MIRROR, "nodePools.cpu.preload": preload}), "cpu")
        assert found
        return found.name

    assert name([ONE]) == name([ONE])
    assert len({name([ONE]), name([OTHER]), name([ONE, OTHER]), name([ONE[:-1] + "0"])}) == 4


def test_archives_without_checksums_are_not_built_with() -> None:
    loaded = settings({**MIRROR, "nodePools.cpu.preload": [ONE]})
    (reason,) = unbuildable(loaded)
    assert all(name in reason for name in images.archives(loaded))
    given = dict.fromkeys(images.archives(loaded), "0" * 64)
    checksums = {**loaded.artifacts.checksums, **given}
    changes = {**MIRROR, "nodePools.cpu.preload": [ONE], "artifacts.checksums": checksums}
    assert unbuildable(settings(changes)) == []
    assert brought("test-cpu-a", changes)["pool"]["sha256"] == "0" * 64


def test_without_a_mirror_nothing_is_fetched_but_a_baked_archive_is_loaded() -> None:
    assert images.archives(settings()) == {}
    assert brought("test-cpu-a", {})["pause"]["url"] is None


REGISTRY = {"imageRegistry": "registry.example.com/kilonode"}


def test_all_images_of_the_clusters_own_come_from_its_registry() -> None:
    got = images.images(settings(REGISTRY))
    assert (
        got["coredns"]
        == "registry.example.com/kilonode/coredns/"
        + (catalog().images["coredns"].rpartition("/")[2])
    )
    assert all(one.startswith("registry.example.com/kilonode/") for one in got.values())
    assert images.images(settings()) == catalog().images


def test_the_pause_image_is_brought_along_under_the_name_that_pods_are_given() -> None:
    loaded = settings({**MIRROR, **REGISTRY})
    plan = topology(loaded)
    for machine in (one for one in plan.machines if one.role in ("master", "node")):
        environment = machine_user_data(loaded, plan, machine).environment
        assert environment["PAUSE_IMAGE"] == images.images(loaded)["pause"]
    (image,) = images.pause_archive(loaded).images
    assert image.name == images.images(loaded)["pause"]
    # It is made where the official registry is reached.
    assert image.source.startswith("registry.k8s.io/pause:")
    assert image.source.endswith(catalog().digests["pause"])


def test_docker_takes_docker_hubs_images_from_a_registry_without_a_path() -> None:
    """It knows mirrors of docker.io alone, and refuses one with a path."""

    def mirrors(registry: str) -> Any:
        loaded = settings({"imageRegistry": registry})
        plan = topology(loaded)
        files = machine_user_data(loaded, plan, plan.node_sets[0]).files
        return json.loads(files["/etc/docker/daemon.json"]).get("registry-mirrors")

    assert mirrors("registry.example.com:5000") == ["https://registry.example.com:5000"]
    assert mirrors("registry.example.com/kilonode") is None
