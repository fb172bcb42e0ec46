"""Address ranges: inside, apart, and large enough."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations

from config.address_plan import ETCD_SUBNET_LAST, MASTERS_LAST
from config.azure_limits import (
    RESERVED_RANGES,
    SUBNET_RESERVED,
    SUBNET_RESERVED_LAST,
    VNET_MAX_PRIVATE_ADDRESSES,
    usable_addresses,
)
from config.checks.check import reads
from config.problems import Problem, problem
from config.schema.stack import Settings

# kube-controller-manager's range allocator: a block's prefix is at most this much longer.
POD_BLOCK_BITS_MAX = 16
SERVICE_PREFIXES = (12, 28)


@reads("network")
def ranges_are_apart(settings: Settings) -> Iterator[Problem]:
    for (first, one), (second, other) in combinations(_ranges(settings).items(), 2):
        if one.overlaps(other):
            yield problem(second, other, f"disjoint from {first} ({one})", f"move {second}")


@reads("network")
def ranges_leave_what_azure_keeps(settings: Settings) -> Iterator[Problem]:
    for key, network in _ranges(settings).items():
        for use, reserved in RESERVED_RANGES.items():
            if network.overlaps(reserved):
                yield problem(key, network, f"disjoint from {reserved} ({use})", f"move {key}")


@reads("network")
def subnets_are_inside(settings: Settings) -> Iterator[Problem]:
    network = settings.network.cidr
    for key, subnet in _subnets(settings).items():
        if not subnet.subnet_of(network):
            yield problem(
                key, subnet, f"inside network.cidr ({network})", f"move {key} or widen network.cidr"
            )


@reads("network")
def subnets_are_apart(settings: Settings) -> Iterator[Problem]:
    for (first, one), (second, other) in combinations(_subnets(settings).items(), 2):
        if one.overlaps(other):
            yield problem(second, other, f"disjoint from {first} ({one})", f"move {second}")


@reads("network")
def member_subnets_hold_their_plan(settings: Settings) -> Iterator[Problem]:
    subnets = settings.network.subnets
    for key, subnet, last in (
        ("network.subnets.etcd", subnets.etcd, ETCD_SUBNET_LAST),
        ("network.subnets.masters", subnets.masters, MASTERS_LAST),
    ):
        needed = last + 1 + SUBNET_RESERVED_LAST
        prefix = 32 - (needed - 1).bit_length()
        if subnet.num_addresses < needed:
            yield problem(
                key,
                subnet,
                f"/{prefix} or larger: members have addresses up to the subnet's +{last}",
                f"widen it to /{prefix}",
            )


@reads("network", "nodePools")
def node_subnet_holds_all_nodes(settings: Settings) -> Iterator[Problem]:
    subnet, nodes = settings.network.subnets.nodes, max_nodes(settings)
    usable = usable_addresses(subnet)
    if usable < nodes:
        prefix = 32 - (nodes + SUBNET_RESERVED - 1).bit_length()
        yield problem(
            "network.subnets.nodes",
            subnet,
            f"{usable:,} usable addresses (size less the {SUBNET_RESERVED} that Azure keeps), but "
            f"the scale sets' maxNodes add up to {nodes:,}",
            f"widen it to /{prefix}, or lower maxNodes",
        )


@reads("nodePools", "masters", "etcd")
def virtual_network_holds_all_machines(settings: Settings) -> Iterator[Problem]:
    etcd = settings.etcd
    machines = max_nodes(settings) + sum(
        len(members)
        for members in (etcd.main.members, etcd.events.members, settings.masters.members)
    )
    if machines > VNET_MAX_PRIVATE_ADDRESSES:
        yield problem(
            "nodePools",
            f"{machines:,} machines",
            f"{VNET_MAX_PRIVATE_ADDRESSES:,} private addresses in a virtual network",
            "lower maxNodes",
        )


@reads("network", "network.nodePodPrefix", "nodePools", "masters")
def pods_have_a_block_for_every_node(settings: Settings) -> Iterator[Problem]:
    pods, prefix = settings.network.pod_cidr, settings.network.node_pod_prefix
    nodes = max_nodes(settings) + len(settings.masters.members)
    blocks = 2 ** max(0, prefix - pods.prefixlen) if prefix >= pods.prefixlen else 0
    if blocks < nodes:
        yield problem(
            "network.podCidr",
            pods,
            f"{blocks:,} blocks of /{prefix}, but nodes and masters may be {nodes:,}",
            f"widen it to /{prefix - (nodes - 1).bit_length()}, or lower maxNodes",
        )


@reads("network", "network.nodePodPrefix")
def pod_blocks_can_be_allocated(settings: Settings) -> Iterator[Problem]:
    pods, prefix = settings.network.pod_cidr, settings.network.node_pod_prefix
    if prefix - pods.prefixlen > POD_BLOCK_BITS_MAX:
        yield problem(
            "network.podCidr",
            pods,
            f"at most {2**POD_BLOCK_BITS_MAX:,} blocks of nodePodPrefix ({prefix}), which is what "
            "the controller-manager can allocate",
            f"narrow it to /{prefix - POD_BLOCK_BITS_MAX}",
        )


@reads("network")
def services_have_a_usable_range(settings: Settings) -> Iterator[Problem]:
    services = settings.network.service_cidr
    least, most = SERVICE_PREFIXES
    if not least <= services.prefixlen <= most:
        yield problem(
            "network.serviceCidr",
            services,
            f"/{least} to /{most}: the cluster DNS has its tenth address, and the apiserver takes "
            f"no more than 20 bits",
            "use a /16",
        )


@reads("api")
def ranges_of_a_rule_are_disjoint(settings: Settings) -> Iterator[Problem]:
    public = settings.api.public
    ranges = public.allowed_ranges if public else ()
    for first, second in combinations(ranges, 2):
        if first.overlaps(second):
            yield problem(
                "api.public.allowedRanges",
                [str(first), str(second)],
                "ranges that do not overlap: a security rule of Azure takes no others",
                f"keep {min(first, second, key=lambda one: one.prefixlen)} alone",
            )


def warnings(settings: Settings) -> Iterator[str]:
    public = settings.api.public
    for network in public.allowed_ranges if public else ():
        if network.prefixlen == 0:
            yield (
                f"kilonode:api.public.allowedRanges: {network} lets the whole internet reach the "
                "API server"
            )


def _ranges(settings: Settings) -> dict[str, IPv4Network]:
    network = settings.network
    return {
        "network.cidr": network.cidr,
        "network.podCidr": network.pod_cidr,
        "network.serviceCidr": network.service_cidr,
    }


def _subnets(settings: Settings) -> dict[str, IPv4Network]:
    subnets = settings.network.subnets
    return {
        "network.subnets.etcd": subnets.etcd,
        "network.subnets.masters": subnets.masters,
        "network.subnets.nodes": subnets.nodes,
    }


def max_nodes(settings: Settings) -> int:
    return sum(pool.max_nodes for pool in settings.node_pools.values())


CHECKS = (
    ranges_are_apart,
    ranges_leave_what_azure_keeps,
    subnets_are_inside,
    subnets_are_apart,
    member_subnets_hold_their_plan,
    node_subnet_holds_all_nodes,
    virtual_network_holds_all_machines,
    pods_have_a_block_for_every_node,
    pod_blocks_can_be_allocated,
    services_have_a_usable_range,
    ranges_of_a_rule_are_disjoint,
)
