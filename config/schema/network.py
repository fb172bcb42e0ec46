"""The settings of the network and of the ways to the API server."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import Strict

from config.azure_limits import NAT_MAX_ADDRESSES, NSG_MAX_ADDRESSES_PER_RULE_SIDE
from config.schema.types import Section, setting


class Subnets(Section):
    etcd: IPv4Network = setting(
        "subnet of both etcd clusters; members get its addresses +10 to +18 and a durable learner "
        "+19, events members +30 to +38 and theirs +39",
        limit="inside network.cidr, /26 or larger, disjoint from the other subnets",
        example="10.0.0.0/24",
    )
    masters: IPv4Network = setting(
        "subnet of the masters; the API server's load balancer gets its address +9, masters +10 "
        "to +18",
        limit="inside network.cidr, /27 or larger, disjoint from the other subnets",
        example="10.0.1.0/24",
    )
    nodes: IPv4Network = setting(
        "subnet of all node pools",
        limit="inside network.cidr; holds all scale sets' maxNodes and the 5 addresses Azure keeps",
        example="10.0.64.0/18",
    )


class Network(Section):
    cidr: IPv4Network = setting(
        "the virtual network",
        limit="disjoint from pods, services and the ranges Azure keeps",
        example="10.0.0.0/16",
    )
    subnets: Subnets = setting("its subnets", limit="etcd, masters, nodes", example={})
    pod_cidr: IPv4Network = setting(
        "all pods' addresses; flannel's VXLAN carries them (D16)",
        limit="a block of nodePodPrefix for every node and master, at most 65,536 blocks",
        example="10.64.0.0/12",
    )
    node_pod_prefix: Annotated[int, Strict()] = setting(
        "prefix length of each node's block of pod addresses; a node runs at most half as many "
        "pods as it has addresses, and at most 110",
        limit="22 to 28",
        example=24,
        default=24,
        ge=22,
        le=28,
    )
    service_cidr: IPv4Network = setting(
        "all services' addresses; the first is the API server's, the tenth the cluster DNS's",
        limit="/12 to /28",
        example="10.96.0.0/16",
    )
    nat_addresses: Annotated[int, Strict()] = setting(
        "public addresses of the NAT gateway; each gives 64,512 ports for connections out",
        limit=f"1 to {NAT_MAX_ADDRESSES}",
        example=2,
        default=2,
        ge=1,
        le=NAT_MAX_ADDRESSES,
    )


class PublicApi(Section):
    allowed_ranges: tuple[IPv4Network, ...] = setting(
        "ranges that reach the API server from outside, through a public load balancer",
        limit=f"1 to {NSG_MAX_ADDRESSES_PER_RULE_SIDE:,} ranges",
        example=["203.0.113.0/24"],
        min_length=1,
        max_length=NSG_MAX_ADDRESSES_PER_RULE_SIDE,
    )


class Api(Section):
    public: PublicApi | None = setting(
        "public access to the API server; without it only the virtual network reaches it",
        limit="a mapping with allowedRanges",
        example={"allowedRanges": ["203.0.113.0/24"]},
        default=None,
    )
