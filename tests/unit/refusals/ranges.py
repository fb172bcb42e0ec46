"""Address ranges."""

from __future__ import annotations

from config.checks import ranges
from tests.unit.refusals import Row

ROWS = {
    "one range of the public API within another": Row(
        ranges.ranges_of_a_rule_are_disjoint,
        {"api": {"public": {"allowedRanges": ["203.0.113.7/32", "203.0.113.0/24"]}}},
        "api.public.allowedRanges",
        ["203.0.113.7/32", "do not overlap", "keep 203.0.113.0/24 alone"],
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
}
