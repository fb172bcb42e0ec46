"""Every name and address of a cluster, from its settings alone.

A machine's facts derive from its key, never from its place in a list: adding or removing one
changes nothing about another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from config import address_plan
from config.address_plan import MEMBER_KEYS
from config.azure_limits import (
    SIZES,
    STORAGE_ACCOUNT_NAME_MAX_LENGTH,
    VAULT_NAME_MAX_LENGTH,
    Size,
)
from config.schema.etcd import LearnerSettings
from config.schema.pools import NodePool
from config.schema.stack import Settings

API_PORT = 6443
# Client and peer port of each etcd cluster: D3 has the events cluster's clients on 2381, so
# metrics, whose usual port that is, are on 2383 in both.
ETCD_PORTS = {"etcd": (2379, 2380), "events": (2381, 2382)}
ETCD_METRICS_PORT = 2383
POOL_LABEL = "kilonode.io/pool"
# By it the autoscaler knows that scale sets are alike, though an empty one's tags tell less than a
# node does: kubernetes/autoscaler's processors/nodegroupset/azure_nodegroups.go.
ALIKE_LABEL = "kubernetes.azure.com/agentpool"
ISSUER_CONTAINER = "issuer"
# Of the cluster's own storage account, where that is the artifacts' mirror.
ARTIFACTS_CONTAINER = "artifacts"
NODES_SUBNET = "nodes"

_HASH_LENGTH = 10

Role = Literal["etcd", "events", "master", "node"]


@dataclass(frozen=True)
class DataDisk:
    """A managed disk of a machine's own, which outlives it."""

    name: str
    gib: int
    sku: str


@dataclass(frozen=True)
class Member:
    """A single VM with a static address. Its name is also that of its NIC and its hostname.

    disk: where its data lies, None if that is the local disk.
    """

    role: Role
    key: str
    name: str
    address: IPv4Address
    zone: str | None
    size: Size
    disk: DataDisk | None = None


@dataclass(frozen=True)
class EtcdCluster:
    """One of the two etcd clusters; name: as the settings call it.

    voter_candidates: all addresses that its voters may ever have, in the order of their keys.
    learner: the durable one; learner_address: its own, whether there is one or not.
    """

    name: Literal["main", "events"]
    voters: tuple[Member, ...]
    learner: Member | None
    voter_candidates: tuple[IPv4Address, ...]
    learner_address: IPv4Address

    @property
    def members(self) -> tuple[Member, ...]:
        return (*self.voters, self.learner) if self.learner else self.voters


@dataclass(frozen=True)
class NodeSet:
    """A scale set of nodes. nodes: its capacity at creation; later that is the autoscaler's,
    between min_nodes and max_nodes.
    """

    pool: str
    key: str
    name: str
    prefix: str
    size: Size
    nodes: int
    min_nodes: int
    max_nodes: int
    labels: Mapping[str, str] = field(hash=False)
    taints: tuple[str, ...]
    role: Role = "node"


@dataclass(frozen=True)
class Topology:
    """The cluster's names and addresses."""

    cluster: str
    control_group: str
    nodes_group: str
    vnet: str
    vault_name: str
    vault_url: str
    storage_account: str
    blob_url: str
    # Public, hence not in the account of birth records and snapshots.
    issuer_account: str
    issuer_url: str
    api_address: IPv4Address
    kubernetes_service_ip: IPv4Address
    cluster_dns_ip: IPv4Address
    etcd: EtcdCluster
    events: EtcdCluster
    masters: tuple[Member, ...]
    # All addresses that masters may ever have, in the order of their keys.
    master_candidates: tuple[IPv4Address, ...]
    node_sets: tuple[NodeSet, ...]

    @property
    def artifacts_url(self) -> str:
        """The mirror's URL where the cluster's own storage account is to be the mirror."""
        return f"{self.blob_url}/{ARTIFACTS_CONTAINER}"

    def identity(self, role: str) -> str:
        """Name of the managed identity that a role's machines have."""
        return f"{self.cluster}-{role}"

    @property
    def nodes_firewall(self) -> str:
        """Name of the security group of the nodes' subnet."""
        return f"{self.vnet}-{NODES_SUBNET}-nsg"

    @property
    def machines(self) -> tuple[Member | NodeSet, ...]:
        """All that have user data."""
        return (*self.events.members, *self.etcd.members, *self.masters, *self.node_sets)


def topology(settings: Settings) -> Topology:
    """The topology that `settings`, which must have been validated, decide."""
    cluster = settings.cluster_name
    subnets = settings.network.subnets
    services = settings.network.service_cidr
    # Azure holds a deleted vault's name, and a generation is another one.
    suffix = _global_suffix(f"{_owner(settings)}/{settings.generation}")
    vault = f"{cluster[: VAULT_NAME_MAX_LENGTH - _HASH_LENGTH - 1].rstrip('-')}-{suffix}"
    account = storage_account(settings)
    issuer = storage_account(settings, "/issuer")
    masters = _candidates(subnets.masters, address_plan.MASTERS_FIRST)
    return Topology(
        cluster=cluster,
        control_group=f"{cluster}-control",
        nodes_group=f"{cluster}-nodes",
        vnet=f"{cluster}-vnet",
        vault_name=vault,
        vault_url=f"https://{vault}.vault.azure.net",
        storage_account=account,
        blob_url=blob_url(account),
        issuer_account=issuer,
        issuer_url=f"{blob_url(issuer)}/{ISSUER_CONTAINER}",
        api_address=subnets.masters[address_plan.API],
        kubernetes_service_ip=services[address_plan.KUBERNETES_SERVICE],
        cluster_dns_ip=services[address_plan.CLUSTER_DNS],
        etcd=_etcd_cluster(settings, "etcd"),
        events=_etcd_cluster(settings, "events"),
        masters=_members(
            settings,
            "master",
            settings.masters.members,
            masters,
            effective_size(settings.masters.size),
        ),
        master_candidates=masters,
        node_sets=tuple(
            _node_set(cluster, pool_key, pool, key)
            for pool_key, pool in settings.node_pools.items()
            for key in pool.scale_sets
        ),
    )


def storage_account(settings: Settings, kind: str = "") -> str:
    """Name of the cluster's own storage account, or of its account of that kind.

    It is free at once, so no generation is in it: another account would be without birth records
    and snapshots.
    """
    stem = settings.cluster_name.replace("-", "")
    suffix = _global_suffix(f"{_owner(settings)}{kind}")
    return stem[: STORAGE_ACCOUNT_NAME_MAX_LENGTH - _HASH_LENGTH] + suffix


def blob_url(account: str) -> str:
    """Of an account's Blob storage."""
    return f"https://{account}.blob.core.windows.net"


def effective_size(name: str) -> Size:
    """The size that is created: where `name` is retired, the one that stands in for it."""
    size = SIZES[name]
    return SIZES[size.substitute] if size.retired and size.substitute else size


def zone_of(key: str, zones: Sequence[str]) -> str | None:
    """The zone of the member with that key; None where there are no zones."""
    return zones[MEMBER_KEYS.index(key) % len(zones)] if zones else None


def _etcd_cluster(settings: Settings, role: Literal["etcd", "events"]) -> EtcdCluster:
    main = role == "etcd"
    subnet = settings.network.subnets.etcd
    wanted = settings.etcd.main if main else settings.etcd.events
    candidates = _candidates(subnet, address_plan.ETCD_FIRST if main else address_plan.EVENTS_FIRST)
    address = subnet[address_plan.ETCD_LEARNER if main else address_plan.EVENTS_LEARNER]
    size = effective_size(settings.etcd.size)
    return EtcdCluster(
        name="main" if main else "events",
        voters=_members(settings, role, wanted.members, candidates, size),
        learner=_learner(settings, role, wanted.learner, address) if wanted.learner else None,
        voter_candidates=candidates,
        learner_address=address,
    )


def _learner(
    settings: Settings, role: Role, wanted: LearnerSettings, address: IPv4Address
) -> Member:
    name = f"{settings.cluster_name}-{role}-learner"
    return Member(
        role=role,
        key="learner",
        name=name,
        address=address,
        # With keys a to e, the last of three zones has the fewest voters.
        zone=settings.zones[-1] if settings.zones else None,
        size=effective_size(wanted.size or settings.etcd.size),
        disk=DataDisk(f"{name}-data", wanted.disk_gib, wanted.disk_sku),
    )


def _members(
    settings: Settings,
    role: Role,
    keys: Sequence[str],
    candidates: Sequence[IPv4Address],
    size: Size,
) -> tuple[Member, ...]:
    return tuple(
        Member(
            role=role,
            key=key,
            name=f"{settings.cluster_name}-{role}-{key}",
            address=candidates[MEMBER_KEYS.index(key)],
            zone=zone_of(key, settings.zones),
            size=size,
        )
        for key in keys
    )


def _node_set(cluster: str, pool_key: str, pool: NodePool, key: str) -> NodeSet:
    wanted = pool.scale_sets[key]
    # A set that begins with as many nodes as it may have is a fixed one.
    fixed = wanted.nodes if wanted.nodes == wanted.max_nodes else 0
    size = effective_size(wanted.size or pool.size)
    return NodeSet(
        pool=pool_key,
        key=key,
        name=f"{cluster}-{pool_key}-{key}",
        prefix=f"{pool_key}-{key}-",
        size=size,
        nodes=wanted.nodes,
        min_nodes=fixed if wanted.min_nodes is None else wanted.min_nodes,
        max_nodes=wanted.max_nodes,
        labels={**pool.labels, POOL_LABEL: pool_key, ALIKE_LABEL: f"{pool_key}-{size.name}"},
        taints=pool.taints,
    )


def _candidates(subnet: IPv4Network, offset: int) -> tuple[IPv4Address, ...]:
    return tuple(subnet[offset + index] for index in range(len(MEMBER_KEYS)))


def _owner(settings: Settings) -> str:
    return f"{settings.subscription_id}/{settings.cluster_name}"


def _global_suffix(identity: str) -> str:
    """Vaults and accounts share one name space with all of Azure, deleted ones included."""
    return hashlib.sha256(identity.encode()).hexdigest()[:_HASH_LENGTH]
