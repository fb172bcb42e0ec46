"""The whole cluster: who stands on whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_azure_native import resources

from components.addons import installed, plan
from components.addons.addon import Addon, AddonArgs
from components.azure import ResourceGroup, known
from components.chain import ChainArgs
from components.compute import Platform
from components.endpoint import endpoint
from components.etcd import Etcd, EtcdArgs
from components.identities import Identities, IdentitiesArgs
from components.learner import Learner, LearnerArgs
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.masters import Masters
from components.network import Network, NetworkArgs
from components.node_pool import NodePool, NodePoolArgs
from components.pki import Pki, PkiArgs
from components.preflight import Preflight
from components.reach import once_reached
from components.storage import Storage, StorageArgs
from components.token_issuer import TokenIssuer, TokenIssuerArgs
from components.vault import Vault, VaultArgs
from components.workload_identity import Scope, WorkloadIdentity, WorkloadIdentityArgs
from config.environment import UserData
from config.schema.stack import Settings
from config.topology import NODES_SUBNET, EtcdCluster, Topology
from config.workload_identities import Place, workloads


@dataclass(frozen=True)
class ClusterArgs:
    """`user_data` is keyed by machine or scale-set name, `images` as in config/artifacts.yaml."""

    settings: Settings
    topology: Topology
    user_data: Mapping[str, UserData]
    images: Mapping[str, str]


class Cluster(pulumi.ComponentResource):
    """`kubeconfig` (secret) reaches `api_server`, the way in that the settings ask for.

    `break_glass` (secret): the same for system:masters.
    """

    kubeconfig: pulumi.Output[str]
    break_glass: pulumi.Output[str]
    api_server: pulumi.Output[str]
    certificates_valid_until: pulumi.Output[str]

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:cluster:Cluster", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._platform = Platform(args.settings.image.version, args.settings.ssh_public_key)
        self._endpoint = endpoint(args.settings, args.topology)
        # Two groups, so that the autoscaler's rights over nodes are none over masters.
        self._control = self._resource_group("control", args.topology.control_group)
        self._nodes = self._resource_group("nodes", args.topology.nodes_group)
        self._network = self._create_network()
        self._identities = Identities(
            f"{name}-identity", IdentitiesArgs(self._control, args.topology), self._child
        ).by_role
        pki = self._create_pki()
        masters = self._masters(after=self._stores(pki))
        # Events first: their loss costs least if an update goes wrong there.
        events = self._etcd("events", args.topology.events, masters, after=[])
        main = self._etcd("etcd", args.topology.etcd, masters, after=[events.gate])
        masters.follow(after=[main.gate])
        for role, cluster in (("events", args.topology.events), ("etcd", args.topology.etcd)):
            self._learner(role, cluster, after=[masters.gate])
        scale_sets = self._node_pools(after=[masters.gate])
        self._client_ids = self._workload_identities()
        self._addons(pki.kubeconfig, after=[masters.gate, *scale_sets])

        self.kubeconfig = pki.kubeconfig
        self.break_glass = pki.break_glass
        self.certificates_valid_until = pki.valid_until
        self.api_server = pulumi.Output.from_input(self._endpoint.server)
        self.register_outputs({"kubeconfig": self.kubeconfig, "api_server": self.api_server})

    def _resource_group(self, role: str, physical_name: str) -> ResourceGroup:
        settings = self._args.settings
        group = resources.ResourceGroup(
            f"{self._name}-{role}",
            resource_group_name=physical_name,
            location=settings.location,
            opts=self._child,
        )
        return ResourceGroup(
            name=known(physical_name, after=group),
            plain_name=physical_name,
            location=settings.location,
            subscription_id=settings.subscription_id,
            zonal=bool(settings.zones),
        )

    def _create_network(self) -> Network:
        addresses, public = self._args.settings.network, self._args.settings.api.public
        return Network(
            self._args.topology.vnet,
            NetworkArgs(
                group=self._control,
                cidr=str(addresses.cidr),
                etcd_cidr=str(addresses.subnets.etcd),
                masters_cidr=str(addresses.subnets.masters),
                nodes_cidr=str(addresses.subnets.nodes),
                nat_addresses=addresses.nat_addresses,
                public_ranges=[str(cidr) for cidr in public.allowed_ranges] if public else [],
                scraped=self._args.settings.addons.prometheus is not None,
                measured=self._args.settings.addons.metrics_server is not None,
            ),
            self._child,
        )

    def _create_pki(self) -> Pki:
        topology = self._args.topology
        return Pki(
            f"{self._name}-pki",
            PkiArgs(
                cluster=topology.cluster,
                etcd=topology.etcd,
                events=topology.events,
                apiserver_names=self._endpoint.names,
                apiserver_addresses=self._endpoint.addresses,
                api_server=self._endpoint.server,
                encryption_keys=self._args.settings.control_plane.encryption_keys,
            ),
            self._child,
        )

    def _stores(self, pki: Pki) -> Sequence[pulumi.Resource]:
        """What machines fetch from when they boot, and their right to do so."""
        topology = self._args.topology
        vault = VaultArgs(
            group=self._control,
            vault_name=topology.vault_name,
            tenant_id=self._args.settings.tenant_id,
            bundles=pki.bundles,
            identities=self._identities,
        )
        storage = StorageArgs(
            group=self._control,
            account_name=topology.storage_account,
            identities=self._identities,
            artifacts=self._args.settings.artifacts.mirror == topology.artifacts_url,
        )
        return [
            Vault(f"{self._name}-vault", vault, self._child),
            Storage(f"{self._name}-storage", storage, self._child),
        ]

    def _etcd(
        self, role: str, cluster: EtcdCluster, masters: Masters, after: Sequence[pulumi.Resource]
    ) -> Etcd:
        preflight = Preflight(
            group=self._control,
            platform=self._platform,
            asker=self._args.topology.masters[0],
            asker_vm=masters.first,
            cluster=cluster.name,
            learner=str(cluster.learner_address),
            patience_seconds=self._args.settings.etcd.patience_seconds,
            user_data=self._args.user_data,
        )
        voters = self._etcd_machines(role, cluster, after=after)
        declared = [member.name for member in cluster.members]
        return Etcd(f"{self._name}-{role}", EtcdArgs(voters, preflight, declared), self._child)

    def _learner(self, role: str, cluster: EtcdCluster, after: Sequence[pulumi.Resource]) -> None:
        """The durable one, if there is to be one: last, since nobody waits for it."""
        member = cluster.learner
        if member and member.disk:
            machine = self._etcd_machines(role, cluster, after)
            Learner(
                f"{self._name}-{role}-learner",
                LearnerArgs(member, member.disk, machine),
                self._child,
            )

    def _etcd_machines(
        self, role: str, cluster: EtcdCluster, after: Sequence[pulumi.Resource]
    ) -> ChainArgs:
        return ChainArgs(
            group=self._control,
            platform=self._platform,
            members=cluster.voters,
            user_data=self._args.user_data,
            identity_id=self._identities[role].id,
            subnet_id=self._network.etcd_subnet_id,
            after=after,
            gate_nonce=self._args.settings.gate_nonce,
        )

    def _masters(self, after: Sequence[pulumi.Resource]) -> Masters:
        topology = self._args.topology
        load_balancer = LoadBalancer(
            f"{self._name}-api",
            LoadBalancerArgs(
                group=self._control,
                subnet_id=self._network.masters_subnet_id,
                address=str(topology.api_address),
                public_label=self._endpoint.public_label,
            ),
            self._child,
        )
        members = ChainArgs(
            group=self._control,
            platform=self._platform,
            members=topology.masters,
            user_data=self._args.user_data,
            identity_id=self._identities["master"].id,
            subnet_id=self._network.masters_subnet_id,
            backend_pool_ids=load_balancer.backend_pool_ids,
            after=after,
            gate_nonce=self._args.settings.gate_nonce,
            # Their apiservers have to learn of members that came or go.
            gate_reads=[member.name for member in (*topology.etcd.voters, *topology.events.voters)],
        )
        return Masters(f"{self._name}-master", members, self._child)

    def _node_pools(self, after: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        """Creates every pool; returns all their scale sets."""
        scale_sets: list[pulumi.Resource] = []
        by_pool = groupby(self._args.topology.node_sets, key=lambda node_set: node_set.pool)
        for pool, node_sets in by_pool:
            args = NodePoolArgs(
                group=self._nodes,
                platform=self._platform,
                cluster=self._args.topology.cluster,
                node_sets=list(node_sets),
                user_data=self._args.user_data,
                identity_id=self._identities["node"].id,
                subnet_id=self._network.nodes_subnet_id,
                after=after,
            )
            scale_sets += NodePool(f"{self._name}-{pool}", args, self._child).scale_sets
        return scale_sets

    def _workload_identities(self) -> Mapping[str, pulumi.Output[str]]:
        """Client IDs of the add-ons that act on Azure, by their names."""
        wanted, topology = workloads(self._args.settings), self._args.topology
        if not wanted:
            return {}
        issuer = TokenIssuerArgs(self._control, topology.issuer_account, self._identities["master"])
        TokenIssuer(f"{self._name}-issuer", issuer, self._child)
        places = self._places()
        return {
            workload.name: WorkloadIdentity(
                f"{self._name}-{workload.name}-azure",
                WorkloadIdentityArgs(
                    groups=(self._control, self._nodes),
                    cluster=topology.cluster,
                    unique=topology.storage_account,
                    issuer=topology.issuer_url,
                    workload=workload,
                    places=places,
                ),
                self._child,
            ).client_id
            for workload in wanted
        }

    def _places(self) -> Mapping[Place, Scope]:
        """Where add-ons have rights."""
        control, topology = self._control, self._args.topology
        network, subnet = "Microsoft.Network", self._network.nodes_subnet_id
        vnet = f"{network}/virtualNetworks"
        identity_type = "Microsoft.ManagedIdentity/userAssignedIdentities"
        nodes_identity = control.id(identity_type, f"{topology.cluster}-node")
        firewall = control.id(f"{network}/networkSecurityGroups", topology.nodes_firewall)
        return {
            "nodes": Scope(self._nodes.own_id, self._nodes.name),
            "subnet": Scope(control.id(f"{vnet}/subnets", topology.vnet, NODES_SUBNET), subnet),
            "firewall": Scope(firewall, subnet),
            "network": Scope(control.id(vnet, topology.vnet), subnet),
            "identity": Scope(nodes_identity, self._identities["node"].id),
        }

    def _addons(self, kubeconfig: pulumi.Output[str], after: Sequence[pulumi.Resource]) -> None:
        topology = self._args.topology
        provider = kubernetes.Provider(
            f"{self._name}-kubernetes",
            kubeconfig=once_reached(kubeconfig, after),
            # Who the cluster is, so that a renewed certificate does not replace everything in it.
            cluster_identifier=f"{self._args.settings.subscription_id}/{topology.cluster}",
            # A refresh must work while the API is away.
            skip_update_unreachable=True,
            # CoreDNS reloads its configuration; a new ConfigMap per change would restart it.
            enable_config_map_mutable=True,
            # It asks the API as soon as it is configured, so the API must be there by then.
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
        facts = plan.ClusterFacts(
            self._args.settings, topology, self._args.images, self._client_ids
        )
        for addon in installed.plans(facts):
            Addon(f"{self._name}-{addon.name}", AddonArgs(provider, addon.manifests), self._child)
