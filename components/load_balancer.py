"""The API's load balancers: one inside the network, and one outside where settings ask for it."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network

from components.azure import ResourceGroup, known
from config.topology import API_PORT

_FRONTEND = "api"
_POOL = "masters"
_PROBE = "readyz"
_TYPE = "Microsoft.Network/loadBalancers"
# The events etcd is left out (D3): with all its members away the API still serves, but the plain
# /readyz of every master says 500. That an Azure probe accepts a query string is unproven. Plan B
# is a TCP probe of the same port: it notices a dead apiserver, not one that is merely not ready.
PROBE_PATH = "/readyz?exclude=etcd-override-0&exclude=etcd-override-readiness-0"


@dataclass(frozen=True)
class LoadBalancerArgs:
    """`address` lies in the subnet; `public_label` is the public DNS label, None for no public."""

    group: ResourceGroup
    subnet_id: pulumi.Output[str]
    address: str
    public_label: str | None


class LoadBalancer(pulumi.ComponentResource):
    """Spreads API connections over the masters that answer their probe."""

    backend_pool_ids: list[pulumi.Output[str]]

    def __init__(
        self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:network:LoadBalancer", name, None, opts)
        self._group = args.group
        internal = network.FrontendIPConfigurationArgs(
            name=_FRONTEND,
            private_ip_address=args.address,
            private_ip_allocation_method=network.IPAllocationMethod.STATIC,
            subnet=network.SubnetArgs(id=args.subnet_id),
            # Without zones named, an internal frontend lives in one datacentre.
            zones=args.group.zones,
        )
        self.backend_pool_ids = [self._balancer(f"{name}-internal", internal)]
        if args.public_label:
            public = self._public_frontend(f"{name}-public", args.public_label)
            self.backend_pool_ids.append(self._balancer(f"{name}-public", public))
        self.register_outputs({"backend_pool_ids": self.backend_pool_ids})

    def _public_frontend(self, name: str, label: str) -> network.FrontendIPConfigurationArgs:
        address = network.PublicIPAddress(
            f"{name}-address",
            resource_group_name=self._group.name,
            location=self._group.location,
            public_ip_address_name=name,
            sku=network.PublicIPAddressSkuArgs(name=network.PublicIPAddressSkuName.STANDARD),
            public_ip_allocation_method=network.IPAllocationMethod.STATIC,
            zones=self._group.zones,
            dns_settings=network.PublicIPAddressDnsSettingsArgs(domain_name_label=label),
            opts=pulumi.ResourceOptions(parent=self),
        )
        address_id = self._group.id("Microsoft.Network/publicIPAddresses", name)
        return network.FrontendIPConfigurationArgs(
            name=_FRONTEND,
            public_ip_address=network.PublicIPAddressArgs(id=known(address_id, after=address)),
        )

    def _balancer(
        self, name: str, frontend: network.FrontendIPConfigurationArgs
    ) -> pulumi.Output[str]:
        """Creates one balancer; returns the ID of its pool, which machines' NICs join.

        Membership is by NIC: pools of addresses sometimes stay empty when they are filled at
        creation (pulumi-azure-native #3601).
        """
        balancer = network.LoadBalancer(
            name,
            resource_group_name=self._group.name,
            location=self._group.location,
            load_balancer_name=name,
            sku=network.LoadBalancerSkuArgs(name=network.LoadBalancerSkuName.STANDARD),
            frontend_ip_configurations=[frontend],
            backend_address_pools=[network.BackendAddressPoolArgs(name=_POOL)],
            probes=[
                network.ProbeArgs(
                    name=_PROBE,
                    protocol=network.ProbeProtocol.HTTPS,
                    port=API_PORT,
                    request_path=PROBE_PATH,
                    interval_in_seconds=5,
                    probe_threshold=2,
                )
            ],
            load_balancing_rules=[
                network.LoadBalancingRuleArgs(
                    name="api",
                    protocol=network.TransportProtocol.TCP,
                    frontend_port=API_PORT,
                    backend_port=API_PORT,
                    # Watches are quiet for long; a flow that ends must say so (azure-facts 8).
                    idle_timeout_in_minutes=30,
                    enable_tcp_reset=True,
                    # Masters go out through the NAT gateway.
                    disable_outbound_snat=True,
                    frontend_ip_configuration=self._inner(
                        name, "frontendIPConfigurations", _FRONTEND
                    ),
                    backend_address_pool=self._inner(name, "backendAddressPools", _POOL),
                    probe=self._inner(name, "probes", _PROBE),
                )
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        pool_id = self._group.id(f"{_TYPE}/backendAddressPools", name, _POOL)
        return known(pool_id, after=balancer)

    def _inner(self, balancer: str, kind: str, name: str) -> network.SubResourceArgs:
        # Parts of one balancer name each other by full ID, before the balancer exists.
        return network.SubResourceArgs(id=self._group.id(f"{_TYPE}/{kind}", balancer, name))
