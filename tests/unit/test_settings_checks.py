"""Rules that look at more than one value: each refuses what it is there for."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import pytest

from config.checks import CHECKS, artifacts, members, names, pools, ranges, sizes, zones
from config.checks.check import Check
from config.schema import Settings
from config.settings import SettingsError, load
from tests.unit.settings_samples import raw


def rsa_key(bits: int) -> str:
    """The public half of an RSA key of that length, as OpenSSH writes it."""
    numbers = [one.to_bytes(one.bit_length() // 8 + 1, "big") for one in (65537, 2**bits - 1)]
    fields = [b"ssh-rsa", *numbers]
    blob = b"".join(len(one).to_bytes(4, "big") + one for one in fields)
    return f"ssh-rsa {base64.b64encode(blob).decode()} somebody"


POOL = {"size": "Standard_D16ds_v5", "maxNodes": 1, "scaleSets": {"a": {"nodes": 0, "maxNodes": 1}}}


@dataclass(frozen=True)
class Row:
    """Settings that one rule refuses: the key it names and what else its line says."""

    check: Check
    changes: dict[str, Any]
    key: str
    says: list[str] = field(default_factory=list)


ROWS: dict[str, Row] = {
    "a cluster name that Azure's cloud provider refuses": Row(
        names.no_internal_cluster, {"clusterName": "a-internal"}, "clusterName", ["-internal"]
    ),
    "a cluster name with a trademark in it": Row(
        names.no_reserved_word, {"clusterName": "my-windows"}, "clusterName", ["`windows`"]
    ),
    "a cluster name whose storage account has a trademark in it": Row(
        names.no_reserved_word, {"clusterName": "win-dows"}, "clusterName", ["`windows`"]
    ),
    "a cluster name that starts with login": Row(
        names.no_reserved_word, {"clusterName": "login1"}, "clusterName", ["`login`"]
    ),
    "an SSH key that was cut off": Row(
        names.ssh_key_is_whole,
        {"sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPP0"},
        "sshPublicKey",
        ["paste the whole line"],
    ),
    "an SSH key that says one kind and is another": Row(
        names.ssh_key_is_whole,
        {"sshPublicKey": rsa_key(4096).replace("rsa", "ed25519", 1)},
        "sshPublicKey",
        ["2,048 bits"],
    ),
    "an RSA key that Azure finds too short": Row(
        names.ssh_key_is_whole,
        {"sshPublicKey": rsa_key(2047)},
        "sshPublicKey",
        ["2,048 bits", "ssh-keygen -t ed25519"],
    ),
    "pods inside the virtual network": Row(
        ranges.ranges_are_apart,
        {"network.podCidr": "10.0.0.0/14"},
        "network.podCidr",
        ["= 10.0.0.0/14", "disjoint from network.cidr (10.0.0.0/16)", "move network.podCidr"],
    ),
    "services among the pods": Row(
        ranges.ranges_are_apart,
        {"network.serviceCidr": "10.65.0.0/16"},
        "network.serviceCidr",
        ["disjoint from network.podCidr (10.64.0.0/14)"],
    ),
    "services inside the virtual network": Row(
        ranges.ranges_are_apart,
        {"network.serviceCidr": "10.0.128.0/20"},
        "network.serviceCidr",
        ["disjoint from network.cidr"],
    ),
    "pods on the metadata service's range": Row(
        ranges.ranges_leave_what_azure_keeps,
        {"network.podCidr": "169.252.0.0/14"},
        "network.podCidr",
        ["169.254.0.0/16"],
    ),
    "services on Azure's resolver": Row(
        ranges.ranges_leave_what_azure_keeps,
        {"network.serviceCidr": "168.63.0.0/16"},
        "network.serviceCidr",
        ["168.63.129.16"],
    ),
    "a virtual network on loopback": Row(
        ranges.ranges_leave_what_azure_keeps,
        {
            "network.cidr": "127.0.0.0/8",
            "network.subnets.etcd": "127.0.0.0/24",
            "network.subnets.masters": "127.0.1.0/24",
            "network.subnets.nodes": "127.0.2.0/23",
        },
        "network.cidr",
        ["127.0.0.0/8"],
    ),
    "a subnet outside the virtual network": Row(
        ranges.subnets_are_inside,
        {"network.subnets.nodes": "10.1.2.0/23"},
        "network.subnets.nodes",
        ["inside network.cidr (10.0.0.0/16)"],
    ),
    "subnets that overlap": Row(
        ranges.subnets_are_apart,
        {"network.subnets.masters": "10.0.3.0/24"},
        "network.subnets.nodes",
        ["disjoint from network.subnets.masters (10.0.3.0/24)"],
    ),
    "an etcd subnet without room for the events members": Row(
        ranges.member_subnets_hold_their_plan,
        {"network.subnets.etcd": "10.0.0.0/27"},
        "network.subnets.etcd",
        ["/26 or larger"],
    ),
    "a masters subnet without room for nine masters": Row(
        ranges.member_subnets_hold_their_plan,
        {"network.subnets.masters": "10.0.1.0/28"},
        "network.subnets.masters",
        ["/27 or larger"],
    ),
    "a node subnet that holds all nodes but for Azure's five addresses": Row(
        ranges.node_subnet_holds_all_nodes,
        {
            "network.subnets.nodes": "10.0.2.0/24",
            # Of which the autoscaler knows nothing.
            "nodePools.cpu.maxNodes": 3,
            "nodePools.cpu.scaleSets.b.maxNodes": 52,
        },
        "network.subnets.nodes",
        ["251 usable addresses", "252", "widen it to /23"],
    ),
    "more machines than a virtual network has addresses": Row(
        ranges.virtual_network_holds_all_machines,
        {
            "network.cidr": "10.0.0.0/10",
            "network.subnets.nodes": "10.32.0.0/11",
            "network.podCidr": "10.64.0.0/10",
            "network.serviceCidr": "10.128.0.0/16",
            "network.nodePodPrefix": 26,
            "nodePools.cpu.scaleSets": {
                f"{letter}{number}": {"nodes": 0, "maxNodes": 1000}
                for letter in "abcdefg"
                for number in range(10)
                if f"{letter}{number}" < "g5"
            }
            | {"a": {"nodes": 3, "maxNodes": 528}},
        },
        "nodePools",
        ["65,537 machines", "65,536"],
    ),
    "fewer blocks of pod addresses than nodes and masters": Row(
        ranges.pods_have_a_block_for_every_node,
        {
            "network.podCidr": "10.64.0.0/16",
            "nodePools.cpu.maxNodes": 3,
            "nodePools.cpu.scaleSets.b.maxNodes": 54,
        },
        "network.podCidr",
        ["256 blocks of /24", "257", "widen it to /15"],
    ),
    "a pod range smaller than one block": Row(
        ranges.pods_have_a_block_for_every_node,
        {"network.podCidr": "10.64.0.0/25"},
        "network.podCidr",
        ["0 blocks of /24"],
    ),
    "a pod range of more blocks than the controller-manager allocates": Row(
        ranges.pod_blocks_can_be_allocated,
        {"network.podCidr": "10.64.0.0/11", "network.nodePodPrefix": 28},
        "network.podCidr",
        ["65,536", "narrow it to /12"],
    ),
    "services without room for the cluster DNS": Row(
        ranges.services_have_a_usable_range,
        {"network.serviceCidr": "10.96.0.0/29"},
        "network.serviceCidr",
        ["/12 to /28"],
    ),
    "an even number of main etcd members": Row(
        members.main_etcd_has_a_quorum,
        {"etcd.main.members": ["a", "b", "c", "d"]},
        "etcd.main.members",
        ['= ["a", "b", "c", "d"]', "3 or 5 members", "list 3 or 5 keys"],
    ),
    "a single main etcd member": Row(
        members.main_etcd_has_a_quorum, {"etcd.main.members": ["a"]}, "etcd.main.members"
    ),
    "seven main etcd members": Row(
        members.main_etcd_has_a_quorum, {"etcd.main.members": list("abcdefg")}, "etcd.main.members"
    ),
    "an even number of events etcd members": Row(
        members.events_etcd_has_a_quorum,
        {"etcd.events.members": ["a", "b"]},
        "etcd.events.members",
        ["1, 3 or 5 members"],
    ),
    "one master": Row(
        members.more_than_one_master,
        {"masters.members": ["a"]},
        "masters.members",
        ["at least 2", "add a key"],
    ),
    "the same master twice": Row(
        members.masters_differ,
        {"masters.members": ["a", "b", "b"]},
        "masters.members",
        ["list b once"],
    ),
    "the same main etcd member twice": Row(
        members.main_etcd_members_differ,
        {"etcd.main.members": ["a", "a", "b"]},
        "etcd.main.members",
        ["list a once"],
    ),
    "the same events etcd member twice": Row(
        members.events_etcd_members_differ,
        {"etcd.events.members": ["c", "c", "b"]},
        "etcd.events.members",
        ["list c once"],
    ),
    "the same zone twice": Row(zones.zones_differ, {"zones": ["1", "1"]}, "zones", ["list 1 once"]),
    "a main etcd that shares one zone": Row(
        zones.no_zone_holds_a_quorum_of_main,
        {"etcd.main.members": ["a", "d", "g"]},
        "etcd.main.members",
        ["3 of 3 are in zone 1", "such as a, b and c"],
    ),
    "a main etcd whose quorum shares one zone": Row(
        zones.no_zone_holds_a_quorum_of_main,
        {"etcd.main.members": ["a", "b", "d"]},
        "etcd.main.members",
        ["2 of 3 are in zone 1"],
    ),
    "an etcd for events whose quorum shares one zone": Row(
        zones.no_zone_holds_a_quorum_of_events,
        {"etcd.events.members": ["c", "f", "b"]},
        "etcd.events.members",
        ["2 of 3 are in zone 3"],
    ),
    "masters that share one zone": Row(
        zones.masters_are_in_different_zones,
        {"masters.members": ["b", "e"]},
        "masters.members",
        ["all of these are in zone 2", "such as a, b and c"],
    ),
    "masters that share one zone of two": Row(
        zones.masters_are_in_different_zones,
        {"zones": ["1", "3"], "masters.members": ["b", "d"]},
        "masters.members",
        ["in zone 3"],
    ),
    "a pool above the sum of its scale sets": Row(
        pools.pool_is_within_its_scale_sets,
        {"nodePools.cpu.maxNodes": 401},
        "nodePools.cpu.maxNodes",
        ["= 401", "the sum of its scale sets' maxNodes, 400", "add a scale set"],
    ),
    "a pool that starts above its limit": Row(
        pools.pool_starts_within_its_limit,
        {"nodePools.cpu.maxNodes": 2},
        "nodePools.cpu.scaleSets",
        ["3 nodes in all", "the pool's maxNodes, 2"],
    ),
    "a scale set that starts above its limit": Row(
        pools.scale_set_starts_within_its_limit,
        {"nodePools.cpu.scaleSets.a.nodes": 201},
        "nodePools.cpu.scaleSets.a.nodes",
        ["= 201", "its maxNodes, 200"],
    ),
    "a label that Kubernetes refuses": Row(
        pools.labels_are_labels,
        {"nodePools.cpu.labels": {"team": "a b"}},
        "nodePools.cpu.labels.team",
        ["= a b"],
    ),
    "a label whose name is too long": Row(
        pools.labels_are_labels,
        {"nodePools.cpu.labels": {"x" * 64: ""}},
        f"nodePools.cpu.labels.{'x' * 64}",
    ),
    "a role label, which NodeRestriction keeps from kubelets": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"node-role.kubernetes.io/worker": ""}},
        "nodePools.cpu.labels.node-role.kubernetes.io/worker",
        ["NodeRestriction"],
    ),
    "a label of the restricted kind, which is meant for others to set": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"node-restriction.kubernetes.io/x": "y"}},
        "nodePools.cpu.labels.node-restriction.kubernetes.io/x",
    ),
    "another host name than the node's": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"kubernetes.io/hostname": "y"}},
        "nodePools.cpu.labels.kubernetes.io/hostname",
    ),
    "a label of the project's own": Row(
        pools.labels_are_a_kubelets_to_set,
        {"nodePools.cpu.labels": {"kilonode.io/pool": "gpu"}},
        "nodePools.cpu.labels.kilonode.io/pool",
        ["set by the project itself"],
    ),
    "a taint without an effect": Row(
        pools.taints_are_taints,
        {"nodePools.cpu.taints": ["nvidia.com/gpu=present"]},
        "nodePools.cpu.taints",
        ["key=value:Effect"],
    ),
    "a taint with an effect that there is not": Row(
        pools.taints_are_taints,
        {"nodePools.cpu.taints": ["team=a:NoRun"]},
        "nodePools.cpu.taints",
        ["PreferNoSchedule"],
    ),
    "the same taint twice": Row(
        pools.taints_differ,
        {"nodePools.cpu.taints": ["team=a:NoSchedule", "team=b:NoSchedule"]},
        "nodePools.cpu.taints",
        ["keep one team:NoSchedule"],
    ),
    "no node at all at creation, so none for the cluster's DNS": Row(
        pools.some_node_runs_addons,
        {"nodePools.cpu.scaleSets.a.nodes": 0},
        "nodePools",
        ["= cpu", "the cluster's DNS", "nodes: 1 or more"],
    ),
    "nodes that the cluster's DNS does not tolerate": Row(
        pools.some_node_runs_addons,
        {"nodePools.cpu.taints": ["team=a:NoSchedule"]},
        "nodePools",
        ["CriticalAddonsOnly"],
    ),
    "an unknown etcd size, with the nearest known one": Row(
        sizes.etcd_size_is_usable,
        {"etcd.size": "Standard_L8_v4"},
        "etcd.size",
        ["= Standard_L8_v4", "did you mean Standard_L8s_v4?"],
    ),
    "an unknown size for masters": Row(
        sizes.masters_size_is_usable,
        {"masters.size": "m5.large"},
        "masters.size",
        ["use one of Standard_D15_v2, "],
    ),
    "an unknown size for a pool": Row(
        sizes.pool_sizes_are_usable,
        {"nodePools.cpu.size": "standard_d15_v3"},
        "nodePools.cpu.size",
        ["did you mean Standard_D15_v2?"],
    ),
    "an unknown size for a scale set": Row(
        sizes.pool_sizes_are_usable,
        {"nodePools.cpu.scaleSets.b.size": "Standard_E20ds_v7"},
        "nodePools.cpu.scaleSets.b.size",
        ["did you mean Standard_E20ds_v"],
    ),
    "an etcd size without a local disk": Row(
        sizes.etcd_size_is_usable,
        {"etcd.size": "Standard_D16s_v5"},
        "etcd.size",
        ["a size with a local disk", "use Standard_D16ds_v5"],
    ),
    "a node size without a local disk": Row(
        sizes.pool_sizes_are_usable,
        {"nodePools.cpu.size": "Standard_D16s_v5"},
        "nodePools.cpu.size",
        ["a size with a local disk"],
    ),
    "a retired size where nothing may stand in for it": Row(
        sizes.retired_sizes_are_allowed_for,
        {"nodePools.gpu": {**POOL, "size": "Standard_NC24"}},
        "nodePools.gpu.size",
        ["retired it on 2023-09-06", "use Standard_NC64as_T4_v3", "retiredSizes to substitute"],
    ),
    "a checksum of an unknown artifact, with the nearest known one": Row(
        artifacts.checksums_are_of_known_artifacts,
        {"artifacts": {"checksums": {"flanel": "0" * 64}}},
        "artifacts.checksums.flanel",
        ["did you mean flannel?"],
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_refused(row: Row) -> None:
    with pytest.raises(SettingsError) as error:
        load(raw(row.changes))
    settings = Settings.model_validate(raw(row.changes))
    lines = [str(one) for one in row.check.run(settings) if ".".join(one.path) == row.key]
    assert lines, f"this rule does not refuse {row.key}"
    assert lines[0] in str(error.value), "the rule is not among CHECKS"
    assert f"kilonode:{row.key} = " in lines[0]
    for part in [*row.says, "; limit: ", "; remedy: "]:
        assert part in lines[0]


def test_every_rule_has_a_row() -> None:
    assert {row.check for row in ROWS.values()} == set(CHECKS)


@pytest.mark.parametrize(
    "changes",
    [
        {"etcd.main.members": list("abcde"), "etcd.events.members": ["i"]},
        {"etcd.main.members": ["i", "a", "e"], "masters.members": ["b", "i"]},
        {"network.subnets.etcd": "10.0.0.0/26", "network.subnets.masters": "10.0.1.0/27"},
        {
            "network.subnets.nodes": "10.0.2.0/24",
            "nodePools.cpu.maxNodes": 251,
            "nodePools.cpu.scaleSets.b.maxNodes": 51,
        },
        {
            "network.podCidr": "10.64.0.0/16",
            "nodePools.cpu.maxNodes": 253,
            "nodePools.cpu.scaleSets.b.maxNodes": 53,
        },
        {"network.podCidr": "10.64.0.0/12", "network.nodePodPrefix": 28},
        {"network.serviceCidr": "10.96.0.0/28"},
        {"network.natAddresses": 16},
        {"nodePools.cpu.maxNodes": 400},
        {
            "nodePools.cpu.scaleSets.a": {"nodes": 100, "maxNodes": 1000},
            "network.subnets.nodes": "10.0.8.0/21",
            "network.podCidr": "10.64.0.0/13",
        },
        {"nodePools.cpu.taints": ["CriticalAddonsOnly=true:NoSchedule", "a:PreferNoSchedule"]},
        {"nodePools.cpu.scaleSets.b.maxNodes": 0, "nodePools.cpu.maxNodes": 200},
        {"clusterName": "a" * 20},
        {"clusterName": "ab"},
        {"zones": []},
        {"zones": ["1", "2"], "etcd.main.members": ["a", "c", "e"]},
        {"zones": ["1"], "masters.members": ["a", "b"]},
        {"etcd.main.members": ["a", "b", "d", "e", "f"]},
        {"etcd.events.members": ["d"]},
        {"sshPublicKey": rsa_key(2048)},
        {"nodePools.cpu.labels": {"node.kubernetes.io/kind": "x", "example.com/a": "", "b": "c"}},
        {"nodePools.cpu.labels": {"kubernetes.azure.com/accelerator": "nvidia"}},
        {
            "nodePools.gpu": {
                **POOL,
                "taints": ["a:NoExecute", "a=b:NoSchedule", "example.com/c=:NoSchedule"],
            }
        },
        {"retiredSizes": "substitute", "nodePools.cpu.size": "Standard_NC24"},
        {"extraArgs": {"kubelet": ["--fail-cgroupv1=false", "--v=4"]}},
        {"api": {"public": {"allowedRanges": ["203.0.113.0/24", "198.51.100.7/32"]}}},
        {"artifacts": {"mirror": "https://mirror.example.com:8443/kilonode"}},
    ],
    ids=str,
)
def test_what_is_just_allowed_is_accepted(changes: dict[str, Any]) -> None:
    load(raw(changes))
