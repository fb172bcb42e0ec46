"""Rules of Microsoft.Network."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from config.azure_limits import SUBNET_RESERVED_FIRST, SUBNET_RESERVED_LAST, usable_addresses
from local_azure.arm.compute import SCALE_SET
from local_azure.arm.rules import Request, rule
from local_azure.arm.shapes import Properties, at, one
from local_azure.arm.store import Resource

VNET = "network:VirtualNetwork"
SUBNET = "network:Subnet"
SECURITY_GROUP = "network:NetworkSecurityGroup"
BALANCER = "network:LoadBalancer"
NIC = "network:NetworkInterface"
PRIORITIES = range(100, 4097)
# Public addresses are given out of a range for documentation (RFC 5737).
PUBLIC = [str(address) for address in IPv4Network("198.51.100.0/24").hosts()]
# Where a type says which addresses of which subnet it takes.
CONFIGURATIONS = {
    NIC: "ipConfigurations",
    BALANCER: "frontendIPConfigurations",
    SCALE_SET: "virtualMachineProfile.networkProfile.networkInterfaceConfigurations"
    ".ipConfigurations",
}


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None


def _range(subnet: Resource) -> IPv4Network:
    return IPv4Network(subnet.properties["addressPrefix"])


def _configurations(type: str, body: Properties) -> Iterator[tuple[str, Properties]]:
    """Each address configuration with its subnet's id, in lower case."""
    for configuration in at(body, CONFIGURATIONS.get(type, "-")):
        for subnet_id in at(configuration, "subnet.id"):
            yield subnet_id.lower(), configuration


@rule("InvalidCIDRNotation", "U", VNET, SUBNET)
def ranges_are_networks(request: Request) -> Iterator[str]:
    for text in request.all("addressSpace.addressPrefixes") + request.all("addressPrefix"):
        if _network(text) is None:
            yield f"The address prefix {text} has an invalid CIDR notation."


def _outside(subnet: IPv4Network, spaces: list[str]) -> bool:
    known = [space for space in map(_network, spaces) if space is not None]
    return bool(known) and not any(subnet.subnet_of(space) for space in known)


@rule("NetcfgSubnetRangeOutsideVnet", "§6 U", SUBNET, live=True)
def subnet_lies_in_its_network(request: Request) -> Iterator[str]:
    vnet, subnet = request.store.get(request.owners[-1]), _network(request.one("addressPrefix"))
    spaces = at(vnet.properties, "addressSpace.addressPrefixes") if vnet is not None else []
    if subnet and _outside(subnet, spaces):
        yield f"Subnet range {subnet} is outside the virtual network's {', '.join(spaces)}."


@rule("NetcfgSubnetRangeOutsideVnet", "§6 U", VNET, live=True)
def network_holds_its_subnets(request: Request) -> Iterator[str]:
    for subnet in request.store.children(request.id):
        if _outside(_range(subnet), request.all("addressSpace.addressPrefixes")):
            yield f"Subnet '{subnet.name}' {_range(subnet)} is outside the new address space."


@rule("InUsePrefixCannotBeDeleted", "U", SUBNET, live=True)
def range_in_use_stays(request: Request) -> Iterator[str]:
    if request.old is None or _network(request.one("addressPrefix")) == _range(request.old):
        return
    for other in request.others(*CONFIGURATIONS):
        if request.id.lower() in dict(_configurations(other.type, other.properties)):
            yield (
                f"IpPrefix {_range(request.old)} on Subnet {request.old.name} has active "
                f"allocations ({other.name}) and cannot be deleted."
            )


@rule("SecurityRuleInvalidPriority", "U", SECURITY_GROUP)
def priorities_are_in_range(request: Request) -> Iterator[str]:
    for priority in request.all("securityRules.priority"):
        if priority not in PRIORITIES:
            yield (
                f"Security rule has invalid Priority. Value provided: {priority} Allowed range "
                f"{PRIORITIES.start}-{PRIORITIES.stop - 1}."
            )


@rule("SecurityRuleConflict", "U", SECURITY_GROUP)
def priorities_differ(request: Request) -> Iterator[str]:
    found: dict[tuple[object, object], object] = {}
    for each in request.all("securityRules"):
        name, place = one(each, "name"), (one(each, "direction"), one(each, "priority"))
        if None in place:
            continue  # Not known yet.
        if place in found:
            yield (
                f"Security rule {found[place]} conflicts with rule {name}. Rules cannot have the "
                "same Priority and Direction."
            )
        found[place] = name


@rule("OverlappingSubnetsNotPermittedInSecurityRule", "U", SECURITY_GROUP)
def sources_of_a_rule_are_disjoint(request: Request) -> Iterator[str]:
    for each in request.all("securityRules"):
        prefixes = each.get("sourceAddressPrefixes", []) if isinstance(each, dict) else []
        ranges = [found for prefix in prefixes if (found := _network(prefix))]
        for first, second in combinations(ranges, 2):
            if first.overlaps(second):
                yield (
                    f"Security rule {one(each, 'name')} has overlapping source prefixes: {first}, "
                    f"{second}."
                )


@rule("NetcfgSubnetRangesOverlap", "§6", SUBNET, live=True)
def subnets_are_disjoint(request: Request) -> Iterator[str]:
    subnet = _network(request.one("addressPrefix"))
    for other in request.store.children(request.owners[-1]):
        if subnet and other.id.lower() != request.id.lower() and subnet.overlaps(_range(other)):
            yield f"Subnet range {subnet} overlaps {_range(other)} of '{other.name}'."


def _static(request: Request) -> Iterator[tuple[IPv4Address, Resource]]:
    """Each static address that is asked for, with its subnet."""
    for subnet_id, configuration in _configurations(request.kind.type, request.body):
        address, subnet = one(configuration, "privateIPAddress"), request.store.get(subnet_id)
        if address and subnet is not None:
            yield IPv4Address(address), subnet


@rule("PrivateIPAddressNotInSubnet", "§6", NIC, BALANCER, live=True)
def address_lies_in_its_subnet(request: Request) -> Iterator[str]:
    for address, subnet in _static(request):
        if address not in _range(subnet):
            yield f"Private static IP address {address} is not within {_range(subnet)}."


@rule("PrivateIPAddressInReservedRange", "§6", NIC, BALANCER, live=True)
def address_is_not_reserved(request: Request) -> Iterator[str]:
    for address, subnet in _static(request):
        first = _range(subnet).network_address + SUBNET_RESERVED_FIRST
        last = _range(subnet).broadcast_address - SUBNET_RESERVED_LAST
        if address in _range(subnet) and not first <= address <= last:
            yield f"Private static IP address {address} falls within the reserved range."


@rule("PrivateIPAddressInUse", "§6", NIC, BALANCER, live=True)
def address_is_free(request: Request) -> Iterator[str]:
    wanted = {(str(address), subnet.id.lower()) for address, subnet in _static(request)}
    for other in request.others(NIC, BALANCER):
        for subnet_id, configuration in _configurations(other.type, other.properties):
            if (one(configuration, "privateIPAddress"), subnet_id) in wanted:
                yield f"A private static IP address is already in use by {other.id}."


@rule("SubnetIsFull", "§6", NIC, SCALE_SET, live=True)
def subnet_has_room(request: Request) -> Iterator[str]:
    wanted = _addresses(request.kind.type, request.body)
    held = [_addresses(other.type, other.properties) for other in request.others()]
    for subnet_id, count in wanted.items():
        subnet = request.store.get(subnet_id)
        used = count + sum(each.get(subnet_id, 0) for each in held)
        if subnet is not None and used > usable_addresses(_range(subnet)):
            yield f"Subnet '{subnet.name}' does not have enough capacity for {used} IP addresses."


def _addresses(type: str, body: Properties) -> dict[str, int]:
    """How many addresses of which subnet a resource takes: a scale set, one an instance."""
    each = int(one(body, "sku.capacity") or 0) if type == SCALE_SET else 1
    return {subnet_id: each for subnet_id, _ in _configurations(type, body)}


@rule("InvalidResourceReference", "§8", BALANCER)
def balancer_parts_refer_to_each_other(request: Request) -> Iterator[str]:
    """Frontends, pools and probes are named by composed full ids, so a wrong one is easy."""
    lists = ("frontendIPConfigurations", "backendAddressPools", "probes")
    known = {f"/{each}/{name}".lower() for each in lists for name in request.all(f"{each}.name")}
    for part in ("frontendIPConfiguration", "backendAddressPool", "probe"):
        for target in request.all(f"loadBalancingRules.{part}.id") if request.id else ():
            if target.lower().removeprefix(request.id.lower()) not in known:
                yield f"Resource {target} referenced by {request.id} was not found."
