"""Names and addresses follow from settings alone, and from a machine's own key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.azure_limits import (
    COMPUTER_NAME_PREFIX_MAX_LENGTH,
    STORAGE_ACCOUNT_NAME_MAX_LENGTH,
    VAULT_NAME_MAX_LENGTH,
)
from config.topology import DataDisk, Topology, topology
from tests.unit.settings_samples import settings


def plan(changes: dict[str, Any] | None = None) -> Topology:
    return topology(settings(changes))


def test_addresses_are_the_documented_offsets_in_their_subnets() -> None:
    got = plan({"etcd.main.members": ["i", "a", "b"]})
    assert str(got.api_address) == "10.0.1.9"
    assert [str(one.address) for one in got.etcd.voters] == ["10.0.0.18", "10.0.0.10", "10.0.0.11"]
    assert [str(one.address) for one in got.events.voters] == [
        "10.0.0.30",
        "10.0.0.31",
        "10.0.0.32",
    ]
    assert [str(one.address) for one in got.masters] == ["10.0.1.10", "10.0.1.11", "10.0.1.12"]
    assert str(got.kubernetes_service_ip) == "10.96.0.1"
    assert str(got.cluster_dns_ip) == "10.96.0.10"


def test_names_are_the_clusters_the_roles_and_the_keys() -> None:
    got = plan()
    assert [one.name for one in got.machines] == [
        *(f"test-events-{key}" for key in "abc"),
        *(f"test-etcd-{key}" for key in "abc"),
        *(f"test-master-{key}" for key in "abc"),
        "test-cpu-a",
        "test-cpu-b",
    ]
    assert (got.control_group, got.nodes_group, got.vnet) == (
        "test-control",
        "test-nodes",
        "test-vnet",
    )


def test_no_address_is_given_twice() -> None:
    got = plan()
    addresses = [
        got.api_address,
        *got.etcd.voter_candidates,
        got.etcd.learner_address,
        *got.events.voter_candidates,
        got.events.learner_address,
        *got.master_candidates,
    ]
    assert len(set(addresses)) == len(addresses) == 30


@pytest.mark.parametrize("removed", ["a", "b", "c", "d", "e"])
def test_removing_any_member_leaves_the_others_as_they_were(removed: str) -> None:
    five = plan({"masters.members": list("abcde")})
    four = plan({"masters.members": [key for key in "abcde" if key != removed]})
    assert [one for one in five.masters if one.key != removed] == list(four.masters)
    assert replace(four, masters=five.masters) == five, "nothing else of the cluster moves"


def test_the_order_of_keys_decides_nothing_about_a_member() -> None:
    assert set(plan({"etcd.main.members": ["c", "a", "b"]}).etcd.voters) == set(plan().etcd.voters)


def test_members_are_spread_over_the_zones_by_key() -> None:
    five = plan({"etcd.main.members": list("abcde")})
    assert [one.zone for one in five.etcd.voters] == ["1", "2", "3", "1", "2"]
    assert [one.zone for one in plan({"zones": []}).etcd.voters] == [None, None, None]


def test_a_durable_learner_is_no_voter_and_has_a_disk_of_its_own() -> None:
    wanted = {"size": "Standard_D4ds_v5", "diskGib": 96, "diskSku": "StandardSSD_LRS"}
    got = plan({"etcd.main.learner": wanted})
    learner = got.etcd.learner
    assert learner is not None
    assert (learner.name, str(learner.address)) == ("test-etcd-learner", "10.0.0.19")
    assert (learner.role, learner.size.name) == ("etcd", "Standard_D4ds_v5")
    assert learner.zone == "3", "where keys a to e have the fewest voters"
    assert learner.disk == DataDisk("test-etcd-learner-data", 96, "StandardSSD_LRS")
    assert learner in got.machines
    assert replace(got.etcd, learner=None) == plan().etcd, "the voters are as they were"
    assert plan({"etcd.events.learner": {}}).events.members[-1].size.name == "Standard_L8s_v4"


def test_another_scale_set_leaves_the_others_as_they_were() -> None:
    more = plan({"nodePools.cpu.scaleSets.c": {"nodes": 0, "maxNodes": 100}})
    assert more.node_sets[:2] == plan().node_sets
    assert more.node_sets[2].name == "test-cpu-c"


def test_the_longest_keys_leave_room_for_azures_six_characters() -> None:
    pool = {
        "size": "Standard_D16ds_v5",
        "scaleSets": {"abcd": {"nodes": 0, "maxNodes": 1}},
    }
    (_, _, longest) = plan({"nodePools.abcdefgh": pool}).node_sets
    assert longest.prefix == "abcdefgh-abcd-"
    assert len(longest.prefix) <= COMPUTER_NAME_PREFIX_MAX_LENGTH


def test_nodes_carry_their_pool_and_their_own_labels_and_taints() -> None:
    changes = {"nodePools.cpu.labels": {"a": "b"}, "nodePools.cpu.taints": ["c:PreferNoSchedule"]}
    node_set = plan(changes).node_sets[0]
    alike = {"kubernetes.azure.com/agentpool": "cpu-Standard_D16ds_v5"}
    assert node_set.labels == {"kilonode.io/pool": "cpu", "a": "b", **alike}
    assert node_set.taints == ("c:PreferNoSchedule",)
    assert (node_set.nodes, node_set.max_nodes) == (3, 200)


@pytest.mark.parametrize("name", ["ab", "a" * 20, "a-b-c-d-e-f-g-h-i-j", "abcdefghijkl-mno"])
def test_public_names_are_what_azure_takes(name: str) -> None:
    got = plan({"clusterName": name})
    assert 3 <= len(got.vault_name) <= VAULT_NAME_MAX_LENGTH
    assert got.vault_name[0].isalpha()
    assert "--" not in got.vault_name
    assert 3 <= len(got.storage_account) <= STORAGE_ACCOUNT_NAME_MAX_LENGTH
    assert got.storage_account.isalnum()
    assert got.vault_url == f"https://{got.vault_name}.vault.azure.net"
    assert got.blob_url == f"https://{got.storage_account}.blob.core.windows.net"


@pytest.mark.parametrize(
    "changes",
    [
        {"subscriptionId": "00000000-0000-4000-8000-000000000002"},
        {"clusterName": "test2"},
    ],
    ids=str,
)
def test_public_names_differ_by_subscription_and_cluster(changes: dict[str, Any]) -> None:
    assert plan(changes).vault_name != plan().vault_name
    assert plan(changes).storage_account != plan().storage_account


def test_another_generation_has_another_vault_and_the_same_birth_records_and_snapshots() -> None:
    other = plan({"generation": 2})
    assert other.vault_name != plan().vault_name
    assert other.storage_account == plan().storage_account


def test_a_scale_set_may_be_of_another_size_than_its_pools() -> None:
    """So a pool comes to another size without an edit that Azure refuses halfway."""
    sets = plan({"nodePools.cpu.scaleSets.b.size": "Standard_E20ds_v5"}).node_sets
    assert {one.key: one.size.name for one in sets} == {
        "a": "Standard_D16ds_v5",
        "b": "Standard_E20ds_v5",
    }


def test_a_retired_size_is_replaced_and_a_retiring_one_is_not() -> None:
    def size(name: str) -> str:
        changes = {"retiredSizes": "substitute", "nodePools.cpu.size": name}
        return plan(changes).node_sets[0].size.name

    assert size("Standard_NC24") == "Standard_NC64as_T4_v3"
    assert size("Standard_D15_v2") == "Standard_D15_v2"


def test_a_node_set_is_hashable() -> None:
    assert len(set(plan().machines)) == len(plan().machines)
