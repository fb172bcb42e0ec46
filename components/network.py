"""Virtual network: three subnets, their firewalls and one way out."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network

from components import firewall
from components.azure import ResourceGroup, known


@dataclass(frozen=True)
class NetworkArgs:
    """Address ranges are CIDRs; `public_ranges` may reach the API from the internet.

    scraped: Prometheus runs on some of the nodes and asks all machines for their metrics.
    measured: metrics-server does, and asks all kubelets.
    """

    group: ResourceGroup
    cidr: str
    etcd_cidr: str
    masters_cidr: str
    nodes_cidr: str
    nat_addresses: int
    public_ranges: Sequence[str]
    scraped: bool
    measured: bool


class Network(pulumi.ComponentResource):
    """A private network: nothing in it has an address of its own on the internet."""

    etcd_subnet_id: pulumi.Output[str]
    masters_subnet_id: pulumi.Output[str]
    nodes_subnet_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:network:Network", name, None, opts)
        self._name = name
        self._group = args.group
        self._vnet_id = args.group.id("Microsoft.Network/virtualNetworks", name)
        vnet = network.VirtualNetwork(
            name,
            resource_group_name=args.group.name,
            location=args.group.location,
            virtual_network_name=name,
            # Subnets are resources of their own: inline ones would fight with them.
            address_space=network.AddressSpaceArgs(address_prefixes=[args.cidr]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._vnet_name = known(name, after=vnet)
        self._nat_id = self._nat_gateway(args.nat_addresses)

        # Pods leave their node with its address, and any node may come to run these.
        scrapers = [args.nodes_cidr] if args.scraped else []
        kubelet_readers = [args.nodes_cidr] if args.measured else []
        etcd_rules = firewall.etcd_rules(args.etcd_cidr, args.masters_cidr, scrapers)
        master_rules = firewall.master_rules(
            args.masters_cidr, args.nodes_cidr, args.public_ranges, scrapers, kubelet_readers
        )
        self.etcd_subnet_id = self._subnet("etcd", args.etcd_cidr, etcd_rules)
        self.masters_subnet_id = self._subnet("masters", args.masters_cidr, master_rules)
        self.nodes_subnet_id = self._subnet("nodes", args.nodes_cidr, [])
        self.register_outputs(
            {
                "etcd_subnet_id": self.etcd_subnet_id,
                "masters_subnet_id": self.masters_subnet_id,
                "nodes_subnet_id": self.nodes_subnet_id,
            }
        )

    def _nat_gateway(self, addresses: int) -> pulumi.Output[str]:
        """One gateway for all subnets; each address adds 64,512 ports (azure-facts 8)."""
        name = f"{self._name}-nat"
        address_ids = [self._address(f"{name}-{number}") for number in range(1, addresses + 1)]
        gateway = network.NatGateway(
            name,
            resource_group_name=self._group.name,
            location=self._group.location,
            nat_gateway_name=name,
            sku=network.NatGatewaySkuArgs(name=network.NatGatewaySkuName.STANDARD),
            # Idle flows are reset, not silently dropped; half an hour outlasts a slow pull.
            idle_timeout_in_minutes=30,
            public_ip_addresses=[network.SubResourceArgs(id=address) for address in address_ids],
            opts=pulumi.ResourceOptions(parent=self),
        )
        return known(self._group.id("Microsoft.Network/natGateways", name), after=gateway)

    def _address(self, name: str) -> pulumi.Output[str]:
        address = network.PublicIPAddress(
            name,
            resource_group_name=self._group.name,
            location=self._group.location,
            public_ip_address_name=name,
            sku=network.PublicIPAddressSkuArgs(name=network.PublicIPAddressSkuName.STANDARD),
            public_ip_allocation_method=network.IPAllocationMethod.STATIC,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return known(self._group.id("Microsoft.Network/publicIPAddresses", name), after=address)

    def _subnet(
        self, role: str, cidr: str, rules: list[network.SecurityRuleArgs]
    ) -> pulumi.Output[str]:
        name = f"{self._name}-{role}"
        firewall_name = f"{name}-nsg"
        security_group = network.NetworkSecurityGroup(
            firewall_name,
            resource_group_name=self._group.name,
            location=self._group.location,
            network_security_group_name=firewall_name,
            # None is no claim on rules that others make, as the cloud controller's for services.
            security_rules=rules or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        firewall_id = self._group.id("Microsoft.Network/networkSecurityGroups", firewall_name)
        subnet = network.Subnet(
            name,
            resource_group_name=self._group.name,
            virtual_network_name=self._vnet_name,
            subnet_name=role,
            address_prefix=cidr,
            # The network API of this SDK still gives every VM a hidden way out (azure-facts 8).
            default_outbound_access=False,
            nat_gateway=network.SubResourceArgs(id=self._nat_id),
            network_security_group=network.NetworkSecurityGroupArgs(
                id=known(firewall_id, after=security_group)
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return known(f"{self._vnet_id}/subnets/{role}", after=subnet)
