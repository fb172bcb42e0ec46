"""The settings' shape: keys, types, defaults, and what each of them means.

Rules that look at one value alone stand here. Rules that need more than that are in config/checks.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, Strict

from config.azure_limits import (
    DATA_DISK_MAX_GIB,
    NAT_MAX_ADDRESSES,
    NSG_MAX_ADDRESSES_PER_RULE_SIDE,
    SCALE_SET_MAX_INSTANCES,
)
from config.schema_types import (
    QUOTA_MAX_BYTES,
    QUOTA_MIN_BYTES,
    Count,
    Flags,
    Guid,
    HttpsUrl,
    Members,
    PoolKey,
    Positive,
    ScaleSetKey,
    Section,
    Sha256,
    setting,
)


class Image(Section):
    version: str = setting(
        "version of Canonical's Ubuntu 24.04 image; pinned, since Azure resolves `latest` anew at "
        "every scale-out",
        limit="24.04.YYYYMMDDN",
        example="24.04.202609040",
        pattern=r"^24\.04\.[0-9]{9}$",
    )


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


class Learner(Section):
    size: str | None = setting(
        "VM size of the durable learner; without it, etcd.size",
        limit="a size of config/azure_limits.py",
        example="Standard_D4ds_v5",
        default=None,
    )
    disk_gib: Annotated[int, Strict()] = setting(
        "size of its own managed disk, which outlives the VM; it may grow, and the file system "
        "follows at the next boot",
        limit=f"4 times quotaBytes to {DATA_DISK_MAX_GIB:,}",
        example=64,
        default=64,
        ge=8,
        le=DATA_DISK_MAX_GIB,
    )
    disk_sku: Literal["Premium_LRS", "PremiumV2_LRS", "StandardSSD_LRS"] = setting(
        "kind of that disk; another kind, like another zone, is for a new one: take the learner "
        "away and add it again",
        limit="Premium_LRS, PremiumV2_LRS or StandardSSD_LRS",
        example="StandardSSD_LRS",
        default="Premium_LRS",
    )


class EtcdCluster(Section):
    members: Members = setting(
        "keys of the members, each a VM of its own; the key decides name, address and zone",
        limit="different letters a to i; main: 3 or 5, events: 1, 3 or 5",
        example=["a", "b", "c"],
    )
    quota_bytes: Annotated[int, Strict()] = setting(
        "etcd's --quota-backend-bytes (D4); at the limit etcd accepts no write",
        limit=f"{QUOTA_MIN_BYTES:,} to {QUOTA_MAX_BYTES:,}",
        example=8 * 1024**3,
        default=8 * 1024**3,
        ge=QUOTA_MIN_BYTES,
        le=QUOTA_MAX_BYTES,
    )
    learner: Learner | None = setting(
        "one more member on a persistent disk, which follows the others without ever voting: what "
        "is restored from when all have lost their local disks",
        limit="a mapping, {} for its defaults",
        example={"size": "Standard_D4ds_v5"},
        default=None,
    )


class Etcd(Section):
    size: str = setting(
        "VM size of all etcd members; the data directory is on its local disk (D2)",
        limit="a size of config/azure_limits.py with a local disk",
        example="Standard_L8s_v4",
    )
    fsync_floor_ms: Annotated[int, Strict()] = setting(
        "the longest that 99 of 100 fsyncs of the local disk may take; on a slower disk, by fio's "
        "measure, no member begins or joins (D2)",
        limit="1 to 10,000 ms",
        example=10,
        default=10,
        ge=1,
        le=10_000,
    )
    snapshot_minutes: Annotated[int, Strict()] = setting(
        "how often a verified snapshot of each etcd cluster goes to Blob storage, where it is kept "
        "for a day; one of each hour for 7 days, one of each day for 90",
        limit="1 to 60",
        example=15,
        default=15,
        ge=1,
        le=60,
    )
    main: EtcdCluster = setting("everything but events", limit="3 or 5 members", example={})
    events: EtcdCluster = setting(
        "events alone, on VMs of their own (D3)", limit="1, 3 or 5 members", example={}
    )


class Masters(Section):
    size: str = setting(
        "VM size of the masters: apiserver, controller-manager and scheduler (D8)",
        limit="a size of config/azure_limits.py with a local disk",
        example="Standard_E20ds_v5",
    )
    members: Members = setting(
        "keys of the masters, each a VM of its own; the key decides name, address and zone",
        limit="2 to 9 different letters a to i",
        example=["a", "b", "c"],
    )


class ScaleSet(Section):
    nodes: Count = setting(
        "capacity at creation; later the capacity is the autoscaler's alone",
        limit="0 to maxNodes",
        example=3,
    )
    max_nodes: Count = setting(
        "the most nodes that the autoscaler may make of it; 0 before its key is removed, which is "
        "refused while it has nodes",
        limit=f"0 to {SCALE_SET_MAX_INSTANCES:,}",
        example=1000,
        le=SCALE_SET_MAX_INSTANCES,
    )
    size: str | None = setting(
        "VM size of its nodes, if not the pool's: how a pool comes to another size, set by set",
        limit="a size of config/azure_limits.py with a local disk",
        example="Standard_E20ds_v5",
        default=None,
    )


class NodePool(Section):
    size: str = setting(
        "VM size of the pool's nodes; for another one add a scale set, since Azure refuses to "
        "change a living set's image and disk",
        limit="a size of config/azure_limits.py with a local disk",
        example="Standard_D15_v2",
    )
    max_nodes: Positive = setting(
        "the most nodes of the pool at creation, over all its scale sets; later each of them has "
        "its own limit alone",
        limit="at most the sum of its scale sets' maxNodes",
        example=2000,
    )
    scale_sets: Annotated[dict[ScaleSetKey, ScaleSet], Field(min_length=1)] = setting(
        "its scale sets by key; another thousand nodes is another key, a new generation too",
        limit="one or more; keys: a letter, then up to 3 letters or digits",
        example={"a": {"nodes": 3, "maxNodes": 1000}},
    )
    labels: dict[str, str] = setting(
        "labels of its nodes besides kilonode.io/pool",
        limit="Kubernetes' label syntax; none that a kubelet may not set (NodeRestriction)",
        example={"example.com/team": "research"},
        default={},
    )
    taints: tuple[str, ...] = setting(
        "taints that its nodes register with",
        limit="key=value:Effect or key:Effect",
        example=["nvidia.com/gpu=present:NoSchedule"],
        default=(),
    )


class Artifacts(Section):
    mirror: HttpsUrl | None = setting(
        "where machines fetch artifacts: MIRROR/HOST/PATH of the official URL; without it, there",
        limit="an https:// URL without spaces, quotes, $, `, \\, ? and #",
        example="https://artifacts.example.com/kilonode",
        default=None,
    )
    checksums: dict[str, Sha256] = setting(
        "SHA-256 by artifact name, instead of the one in config/artifacts.yaml",
        limit="names of config/artifacts.yaml; 64 hexadecimal digits",
        example={"flannel": "0" * 64},
        default={},
    )


def _flags(component: str, example: str) -> Any:
    return setting(
        f"further flags of {component}, after the documents' own",
        limit="--flag or --flag=value, without spaces, quotes, $, ` or \\",
        example=[example],
        default=(),
    )


class ExtraArgs(Section):
    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    etcd: Flags = _flags("etcd", "--log-level=debug")
    kube_apiserver: Flags = _flags("kube-apiserver", "--v=2")
    kube_controller_manager: Flags = _flags("kube-controller-manager", "--v=2")
    kube_scheduler: Flags = _flags("kube-scheduler", "--v=2")
    kubelet: Flags = _flags("kubelet", "--fail-cgroupv1=false")
    kube_proxy: Flags = _flags("kube-proxy", "--conntrack-max-per-core=0")
    cri_dockerd: Flags = _flags("cri-dockerd", "--log-level=debug")
    flannel: Flags = _flags("flannel", "--v=2")


class Settings(Section):
    """All settings of a stack."""

    location: str = setting(
        "Azure region",
        limit="a region's short name",
        example="westeurope",
        pattern=r"^[a-z][a-z0-9]*$",
    )
    subscription_id: Guid = setting(
        "Azure subscription", limit="a GUID", example="00000000-0000-0000-0000-000000000000"
    )
    tenant_id: Guid = setting(
        "Microsoft Entra tenant", limit="a GUID", example="00000000-0000-0000-0000-000000000000"
    )
    cluster_name: str = setting(
        "first part of every resource's name",
        limit="2 to 20 lower-case letters, digits and single hyphens, a letter first, no hyphen "
        "last; no word that Azure reserves; not ending in -internal",
        example="prod",
        pattern=r"^[a-z](-?[a-z0-9])+$",
        max_length=20,
    )
    generation: int = setting(
        "part of the vault's name: Azure keeps a deleted vault's name for days, so raise it to "
        "build a destroyed cluster anew at once; never on a living one, whose machines would all "
        "be replaced",
        limit="1 to 9999",
        example=1,
        default=1,
        ge=1,
        le=9999,
    )
    zones: tuple[Literal["1", "2", "3"], ...] = setting(
        "availability zones that etcd members and masters are spread over; [] where the region "
        "has none",
        limit='different ones of "1", "2", "3", quoted',
        example=["1", "2", "3"],
        default=("1", "2", "3"),
    )
    retired_sizes: Literal["substitute", "refuse"] = setting(
        "what becomes of a VM size that Azure has retired: the size that stands in for it, with "
        "a warning, or an error",
        limit="substitute or refuse",
        example="substitute",
        default="refuse",
    )
    image: Image = setting("the machines' image", limit="version", example={})
    ssh_public_key: str = setting(
        "key of the user `kilonode` on every machine",
        limit="one line of OpenSSH, ssh-ed25519 or ssh-rsa of 2,048 bits or more",
        example="ssh-ed25519 AAAA… name",
        pattern=r"^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+={0,2}( [^\r\n\"]*)?$",
    )
    gate_nonce: str = setting(
        "a word to change when a gate that failed for a passing reason must be asked again: every "
        "gate runs once more, no machine is replaced",
        limit="up to 32 lower-case letters, digits and hyphens",
        example="second-try",
        default="",
        pattern=r"^[a-z0-9-]{0,32}$",
    )
    network: Network = setting("addresses", limit="see its keys", example={})
    api: Api = setting(
        "access to the API server", limit="see its keys", example={}, default=Api.model_validate({})
    )
    etcd: Etcd = setting("the two etcd clusters", limit="see its keys", example={})
    masters: Masters = setting("the control plane's VMs", limit="see its keys", example={})
    node_pools: Annotated[dict[PoolKey, NodePool], Field(min_length=1)] = setting(
        "pools of nodes, by key",
        limit="one or more; keys: a letter, then up to 7 letters or digits",
        example={
            "cpu": {
                "size": "Standard_D15_v2",
                "maxNodes": 1000,
                "scaleSets": {"a": {"nodes": 3, "maxNodes": 1000}},
            }
        },
    )
    artifacts: Artifacts = setting(
        "what machines install",
        limit="see its keys",
        example={},
        default=Artifacts.model_validate({}),
    )
    extra_args: ExtraArgs = setting(
        "further flags, by component",
        limit="see its keys",
        example={},
        default=ExtraArgs.model_validate({}),
    )
