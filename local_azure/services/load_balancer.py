"""Azure's load balancers: one HAProxy with a listener for each rule of each LoadBalancer."""

from __future__ import annotations

import hashlib
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_azure import fabric
from local_azure.arm.network import BALANCER, NIC
from local_azure.arm.store import Resource, Store
from local_azure.services.children import Child
from local_azure.shell import run

Part = Mapping[str, Any]

# random(1) is what Azure's hash over addresses and ports comes to: it does not look at the load.
# Nothing is tried again elsewhere, and connections outlive a failing probe, as there (§8).
DEFAULTS = f"""\
defaults
    mode tcp
    balance random(1)
    retries 0
    timeout connect 5s
    source {fabric.DNS}

"""


@dataclass(frozen=True)
class Listener:
    """A load-balancing rule: the frontend's address, HAProxy's section, and the addresses that do
    not get through to the frontend."""

    address: str
    section: str
    hairpins: Sequence[str]


class LoadBalancers:
    def __init__(self, store: Store, directory: Path, image_root: Path, log: Path) -> None:
        self._store = store
        self._directory = directory
        self._haproxy = _haproxy(image_root)
        self._log = log
        self._listeners: list[Listener] = []
        self._children: list[Child] = []

    def reconcile(self) -> None:
        current = list(listeners(self._store))
        if current == self._listeners:
            return
        before, after = ({one.address for one in these} for these in (self._listeners, current))
        for address in after - before:
            fabric.add_address(address)
        run(*fabric.inside("iptables-restore"), stdin=hairpin_drops(current))
        old = list(self._children)
        if current:
            self._start(configuration(current))
        for child in old:
            child.retire(signal.SIGUSR1)  # it finishes the connections that it has
        for address in before - after:
            fabric.remove_address(address)
        self._listeners = current

    def stop(self) -> None:
        for child in self._children:
            child.stop()

    def _start(self, text: str) -> None:
        # The new process binds beside the old one (SO_REUSEPORT), so no connection is refused.
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        file, socket = (self._directory / f"haproxy-{digest}.{kind}" for kind in ("cfg", "sock"))
        socket.unlink(missing_ok=True)
        file.write_text(f"global\n    stats socket {socket} mode 600\n{text}")
        child = Child([*self._haproxy, "-db", "-f", str(file)], self._log)
        self._children.append(child)
        child.wait(socket.exists)


def listeners(store: Store) -> Iterator[Listener]:
    """What the LoadBalancers, network cards and public addresses in the store say."""
    for balancer in store.list(BALANCER):
        for rule in balancer.properties.get("loadBalancingRules", []):
            frontend = _part(balancer, "frontendIPConfigurations", rule["frontendIPConfiguration"])
            probe = _part(balancer, "probes", rule["probe"])
            members = _members(store, rule["backendAddressPool"]["id"])
            internal = "privateIPAddress" in frontend
            address = frontend["privateIPAddress"] if internal else _public(store, frontend)
            name = f"{balancer.name}-{rule['name']}"
            section = _section(name, address, rule, probe, members)
            yield Listener(address, section, members if internal else ())


def configuration(current: Sequence[Listener]) -> str:
    return DEFAULTS + "".join(one.section for one in current)


def hairpin_drops(current: Sequence[Listener]) -> str:
    """A backend does not reach its own internal frontend (§8). For iptables-restore; nothing else
    in the fabric uses the raw table."""
    drops = "".join(
        f"-A PREROUTING -s {member} -d {one.address} -j DROP\n"
        for one in current
        for member in one.hairpins
    )
    return f"*raw\n:PREROUTING ACCEPT [0:0]\n{drops}COMMIT\n"


def _part(balancer: Resource, kind: str, reference: Mapping[str, str]) -> Part:
    name = reference["id"].rpartition("/")[2].lower()
    parts: Sequence[Part] = balancer.properties[kind]
    return next(part for part in parts if part["name"].lower() == name)


def _public(store: Store, frontend: Part) -> str:
    resource = store.get(frontend["publicIPAddress"]["id"])
    return str(resource.outputs["ipAddress"]) if resource else ""


def _members(store: Store, pool: str) -> list[str]:
    return [
        configuration["privateIPAddress"]
        for card in store.list(NIC)
        for configuration in card.properties["ipConfigurations"]
        for member in configuration.get("loadBalancerBackendAddressPools", [])
        if member["id"].lower() == pool.lower()
    ]


def _section(name: str, address: str, rule: Part, probe: Part, members: Sequence[str]) -> str:
    interval, idle = probe.get("intervalInSeconds", 15), rule.get("idleTimeoutInMinutes", 4)
    # One failed probe is enough unless probeThreshold says otherwise; numberOfProbes does nothing.
    threshold = probe.get("probeThreshold", 1)
    check = f"check port {probe['port']:.0f} inter {interval:.0f}s"
    check += f" fall {threshold:.0f} rise {threshold:.0f}"
    if probe["protocol"] == "Https":
        check += " check-ssl verify none"
    lines = [
        f"listen {name}",
        f"bind {address}:{rule['frontendPort']:.0f}",
        f"timeout client {idle:.0f}m",
        f"timeout server {idle:.0f}m",
        f"timeout check {interval:.0f}s",
    ]
    if probe["protocol"] != "Tcp":
        lines += [
            "option httpchk",
            f"http-check send meth GET uri '{probe['requestPath']}' ver HTTP/1.1 hdr Host probe",
            "http-check expect status 200",
        ]
    lines += [f"server {ip} {ip}:{rule['backendPort']:.0f} {check}" for ip in members]
    return "\n    ".join(lines) + "\n"


def _haproxy(image_root: Path) -> list[str]:
    """The host's program, or the machine image's with the libraries of that image."""
    found = shutil.which("haproxy")
    if found:
        return [found]
    loader = next(image_root.glob("lib*/ld-linux-*.so.*"))
    libraries = next(image_root.glob("usr/lib/*-linux-gnu"))
    return [str(loader), "--library-path", str(libraries), str(image_root / "usr/sbin/haproxy")]
