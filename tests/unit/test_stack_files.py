"""The stacks that come with the project."""

from __future__ import annotations

import pytest

from config.settings import of_stack, warnings
from config.stack_file import StackFileError, configuration, stacks
from config.topology import topology


@pytest.mark.parametrize("name", stacks())
def test_every_stack_is_accepted_and_uses_no_unknown_namespace(name: str) -> None:
    assert topology(of_stack(name)).cluster == name
    assert {key.partition(":")[0] for key in configuration(name)} == {"azure-native", "kilonode"}
    assert "secure" not in str(configuration(name))


def test_there_are_three_stacks() -> None:
    assert stacks() == ["dev", "local", "prod"]


def test_an_unknown_stack_is_refused_with_the_known_ones() -> None:
    with pytest.raises(StackFileError, match="'prd'; there are dev, local, prod"):
        configuration("prd")


def test_prod_is_the_documents_cluster() -> None:
    settings = of_stack("prod")
    plan = topology(settings)
    assert sum(pool.max_nodes for pool in settings.node_pools.values()) == 2500
    assert settings.node_pools["cpu"].size == "Standard_D15_v2"
    assert settings.node_pools["gpu"].size == "Standard_NC24"
    assert (len(plan.etcd.voters), len(plan.events.voters), len(plan.masters)) == (5, 3, 3)
    assert {one.size.disk_kind for one in plan.etcd.voters} == {"nvme"}


def test_prod_is_watched_d6() -> None:
    assert of_stack("prod").addons.prometheus


def test_prod_warns_of_its_placeholder_the_documents_two_sizes_and_missing_checksums() -> None:
    placeholder, retiring, retired, unchecked = warnings(of_stack("prod"))
    assert "kilonode:sshPublicKey: a placeholder" in placeholder
    assert "Standard_D15_v2" in retiring
    assert "Standard_NC64as_T4_v3 stands in" in retired
    assert "none for cri-dockerd, flannel" in unchecked


def test_dev_is_the_smallest_cluster_there_can_be() -> None:
    plan = topology(of_stack("dev"))
    assert (len(plan.etcd.voters), len(plan.events.voters), len(plan.masters)) == (3, 1, 2)


def test_local_has_every_role_and_a_pool_of_two_and_one_of_none() -> None:
    plan = topology(of_stack("local"))
    assert (len(plan.etcd.voters), len(plan.events.voters), len(plan.masters)) == (3, 3, 2)
    assert {one.pool: one.nodes for one in plan.node_sets} == {"cpu": 2, "gpu": 0}
