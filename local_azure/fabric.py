"""The network between the machines: a namespace of its own that routes, and has no bridge.

Like Azure's it is pure layer 3: a neighbour in the same subnet is reached by proxy ARP through the
fabric, so what needs a common layer 2 (flannel's host-gw) fails here too.
"""

from __future__ import annotations

import ipaddress

from local_azure.shell import run, succeeds

NAMESPACE = "kilonode"
DNS = "168.63.129.16"
METADATA = "169.254.169.254"
VAULT, BLOB, MIRROR, REGISTRY = (f"198.18.0.{number}" for number in (1, 2, 3, 4))
# The fabric's own address towards machines: an operator's, outside of the virtual network.
OPERATOR = "198.18.0.254"

# Inherited by every interface made later. Strict reverse path filtering is Azure's anti-spoofing:
# a machine sends from its own address only, so pods do not reach others without an overlay.
_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.default.proxy_arp=1",
    "net.ipv4.conf.default.rp_filter=1",
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
)


def up() -> None:
    """Make the namespace with Azure's own addresses, unless it is there."""
    make_namespace(NAMESPACE)
    run(*inside("sysctl", "--quiet", "--write"), *_SYSCTLS)
    for address in (DNS, METADATA, VAULT, BLOB, MIRROR, REGISTRY, OPERATOR):
        add_address(address)


def add_address(address: str) -> None:
    """Give the fabric an address: a service's or a load balancer frontend's."""
    run("ip", "-n", NAMESPACE, "address", "replace", f"{address}/32", "dev", "lo")


def remove_address(address: str) -> None:
    succeeds("ip", "-n", NAMESPACE, "address", "delete", f"{address}/32", "dev", "lo")


def inside(*command: str) -> tuple[str, ...]:
    """The command, run in the fabric's network namespace and the host's other namespaces.

    Not `ip netns exec`, which adds a mount namespace that would hide mounts from the host.
    """
    return ("nsenter", f"--net=/run/netns/{NAMESPACE}", *command)


def attach(machine: str, address: str, subnet: str) -> str:
    """A namespace with eth0 at ADDRESS for a machine that is not running; the namespace's path."""
    detach(machine, address)
    namespace, link = f"{NAMESPACE}-{machine}", _link(address)
    network = ipaddress.ip_network(subnet)
    gateway = str(network[1])
    make_namespace(namespace)
    add_address(gateway)
    _batch(
        NAMESPACE,
        f"link add {link} type veth peer name eth0 netns {namespace}",
        f"link set {link} up",
        f"route replace {address}/32 dev {link} src {OPERATOR}",
    )
    # Proxied ARP replies are held back for up to 0.8 s by default.
    run(*inside("sysctl", "--quiet", "--write"), f"net.ipv4.neigh.{link}.proxy_delay=0")
    _batch(
        namespace,
        f"address add {address}/{network.prefixlen} dev eth0",
        "link set eth0 up",
        f"route add default via {gateway}",
    )
    return f"/run/netns/{namespace}"


def detach(machine: str, address: str) -> None:
    """Take a machine's namespace and link away; bears what is missing."""
    # The link goes first: a namespace's own end is only cleared away some time later.
    succeeds("ip", "-n", NAMESPACE, "link", "delete", _link(address))
    remove_namespace(f"{NAMESPACE}-{machine}")


def make_namespace(name: str) -> None:
    """A named network namespace with its loopback up."""
    if not succeeds("ip", "-n", name, "link", "set", "lo", "up"):
        remove_namespace(name)  # A killed `ip netns add` leaves a file without a namespace.
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")


def remove_namespace(name: str) -> None:
    succeeds("ip", "netns", "delete", name)


def namespaces() -> list[str]:
    """All network namespaces that are ours, the fabric's last."""
    names = [line.split()[0] for line in run("ip", "netns", "list").splitlines()]
    return sorted(
        (name for name in names if name.split("-")[0] == NAMESPACE), key=len, reverse=True
    )


def _batch(namespace: str, *lines: str) -> None:
    run("ip", "-n", namespace, "-batch", "-", stdin="\n".join(lines))


def _link(address: str) -> str:
    """The fabric's end of a machine's link: 15 characters are the kernel's limit."""
    return f"kn{int(ipaddress.IPv4Address(address)):08x}"
