"""The security rules of each subnet: only who must talk to whom.

Azure's own rules come last: everything inside the network and the load balancer's probes may come
in, the internet may not. Nodes keep them as they are, since pods with hostNetwork may use any port.
"""

from collections.abc import Sequence

from pulumi_azure_native import network

from config.topology import API_PORT, ETCD_METRICS_PORT, ETCD_PORTS

KUBELET_PORT = "10250"
VXLAN_PORT = "8472"
# The metrics of our own programs.
MACHINE_METRICS_PORT = "2384"
ETCD_CLIENT_PORTS = tuple(str(client) for client, _ in ETCD_PORTS.values())
ETCD_METRICS_PORTS = (str(ETCD_METRICS_PORT), MACHINE_METRICS_PORT)
# All of the above and the peers', which lie between them.
ETCD_MEMBER_PORTS = (f"{ETCD_CLIENT_PORTS[0]}-{MACHINE_METRICS_PORT}",)
# Of our own programs, the DNS cache, kubelet, controller-manager and scheduler.
MASTER_METRICS_PORTS = (MACHINE_METRICS_PORT, "9253", KUBELET_PORT, "10257", "10259")


def etcd_rules(etcd: str, masters: str, scrapers: Sequence[str]) -> list[network.SecurityRuleArgs]:
    """etcd is asked by its own members and by masters; `scrapers` read its metrics."""
    rules = [
        _allow("members", 100, [etcd], ETCD_MEMBER_PORTS),
        _allow("masters", 110, [masters], ETCD_CLIENT_PORTS),
        _deny_network(),
    ]
    if scrapers:
        rules.append(_allow("metrics", 120, scrapers, ETCD_METRICS_PORTS))
    return rules


def master_rules(
    masters: str,
    nodes: str,
    public_ranges: Sequence[str],
    scrapers: Sequence[str],
    kubelet_readers: Sequence[str],
) -> list[network.SecurityRuleArgs]:
    """Masters serve the API, and are nodes: their kubelets answer masters, flannel everybody.

    `scrapers` read the metrics of all their programs, `kubelet_readers` the kubelets' alone, with a
    token wherever that is asked for.
    """
    rules = [
        # Peered networks count as VirtualNetwork: people reach the internal API through them.
        _allow("api", 100, ["VirtualNetwork"], [str(API_PORT)]),
        # The tag VirtualNetwork also covers the address that probes come from, so the
        # refusal below would take every master out of the load balancer.
        _allow("probe", 110, ["AzureLoadBalancer"], [str(API_PORT)]),
        _allow("kubelet", 120, [masters, *kubelet_readers], [KUBELET_PORT]),
        _allow("flannel", 130, [masters, nodes], [VXLAN_PORT], network.SecurityRuleProtocol.UDP),
        _deny_network(),
    ]
    if public_ranges:
        rules.append(_allow("public-api", 200, public_ranges, [str(API_PORT)]))
    if scrapers:
        rules.append(_allow("metrics", 140, scrapers, MASTER_METRICS_PORTS))
    return rules


def _allow(
    name: str,
    priority: int,
    sources: Sequence[str],
    ports: Sequence[str],
    protocol: network.SecurityRuleProtocol = network.SecurityRuleProtocol.TCP,
) -> network.SecurityRuleArgs:
    # A service tag is only accepted in the singular property.
    single = len(sources) == 1
    return network.SecurityRuleArgs(
        name=name,
        priority=priority,
        direction=network.SecurityRuleDirection.INBOUND,
        access=network.SecurityRuleAccess.ALLOW,
        protocol=protocol,
        source_address_prefix=sources[0] if single else None,
        source_address_prefixes=None if single else list(sources),
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_ranges=list(ports),
    )


def _deny_network() -> network.SecurityRuleArgs:
    return network.SecurityRuleArgs(
        name="others",
        priority=4096,
        direction=network.SecurityRuleDirection.INBOUND,
        access=network.SecurityRuleAccess.DENY,
        protocol=network.SecurityRuleProtocol.ASTERISK,
        source_address_prefix="VirtualNetwork",
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_range="*",
    )
