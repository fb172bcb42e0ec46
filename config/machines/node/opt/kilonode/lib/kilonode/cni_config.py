"""Tells the container runtime to give containers addresses of the subnet that flannel got."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from kilonode.machine import write_atomically

SUBNET_FILE = Path("/run/flannel/subnet.env")
CNI_FILE = Path("/etc/cni/net.d/10-kilonode.conflist")


def conflist(subnet: Mapping[str, str]) -> dict[str, Any]:
    """The CNI network for flannel's variables FLANNEL_NETWORK, FLANNEL_SUBNET and FLANNEL_MTU.

    What flannel's own CNI plugin would make of them: a bridge with addresses of this node's subnet,
    and a route to all other nodes' pods through it. flannel masquerades, so the bridge does not.
    """
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "mtu": int(subnet["FLANNEL_MTU"]),
        "isGateway": True,
        "isDefaultGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            # FLANNEL_SUBNET is the bridge's own address, 10.64.3.1/24.
            "ranges": [[{"subnet": str(ip_interface(subnet["FLANNEL_SUBNET"]).network)}]],
            "routes": [{"dst": subnet["FLANNEL_NETWORK"]}],
            # Reservations end with the containers, at a reboot.
            "dataDir": "/run/cni",
        },
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "kilonode", "plugins": [bridge, portmap]}


def variables(text: str) -> dict[str, str]:
    """KEY=value lines."""
    return dict(line.split("=", 1) for line in text.split())


def main() -> None:
    text = json.dumps(conflist(variables(SUBNET_FILE.read_text())), indent=1)
    write_atomically(CNI_FILE, f"{text}\n".encode(), 0o644)


if __name__ == "__main__":
    main()
