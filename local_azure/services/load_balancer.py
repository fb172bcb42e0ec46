"""Azure's load balancers: one HAProxy with a listener for each rule of each LoadBalancer."""

from __future__ import annotations

import hashlib
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_azure import fabric
from local_azure.arm.store import Resource, Store
from local_azure.services.children import Child
from local_azure.shell import run

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
class Rule:
    """One load-balancing rule with its probe and the addresses behind it. internal: the frontend
    is in the virtual network."""

    name: str
    address: str
    internal: bool
    port: int
    backend_port: int
    idle_minutes: int
    probe: Mapping[str, Any]
    backends: tuple[str, ...]


class LoadBalancers:
    def __init__(self, store: Store, directory: Path, image_root: Path, log: Path) -> None:
        self._store = store
        self._directory = directory
        self._haproxy = _haproxy(image_root)
        self._log = log
        self._rules: list[Rule] = []
        self._children: list[Child] = []

    def reconcile(self) -> None:
        current = rules(self._store)
        if current == self._rules:
            return
        before, after = ({rule.address for rule in one} for one in (self._rules, current))
        for address in after - before:
            fabric.add_address(address)
        run(*fabric.inside("iptables-restore"), stdin=hairpin_drops(current))
        running = len(self._children)
        if current:
            self._start(current)
        for child in self._children[:running]:
            child.retire(signal.SIGUSR1)  # it finishes the connections that it has
        for address in before - after:
            fabric.remove_address(address)
        self._rules = current

    def stop(self) -> None:
        for child in self._children:
            child.stop()

    def _start(self, current: Sequence[Rule]) -> None:
        # The new process binds beside the old one (SO_REUSEPORT), so no connection is refused.
        text = configuration(current)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        file, socket = (self._directory / f"haproxy-{digest}.{kind}" for kind in ("cfg", "sock"))
        socket.unlink(missing_ok=True)
        file.write_text(f"global\n    stats socket {socket} mode 600\n{text}")
        child = Child([*self._haproxy, "-db", "-f", str(file)], self._log)
        self._children.append(child)
        child.wait(socket.exists)


def rules(store: Store) -> list[Rule]:
    """What the LoadBalancers in the store, the network cards and the public addresses say."""
    return [
        _rule(store, balancer, rule)
        for balancer in store.list("network:LoadBalancer")
        for rule in balancer.properties.get("loadBalancingRules", [])
    ]


def configuration(current: Sequence[Rule]) -> str:
    return "\n".join([DEFAULTS, *(_listener(rule) for rule in current)])


def hairpin_drops(current: Sequence[Rule]) -> str:
    """A backend does not reach its own internal frontend (§8). For iptables-restore; nothing else
    in the fabric uses the raw table."""
    drops = "".join(
        f"-A PREROUTING -s {backend} -d {rule.address} -p tcp --dport {rule.port} -j DROP\n"
        for rule in current
        if rule.internal
        for backend in rule.backends
    )
    return f"*raw\n:PREROUTING ACCEPT [0:0]\n{drops}COMMIT\n"


def _rule(store: Store, balancer: Resource, rule: Mapping[str, Any]) -> Rule:
    properties = balancer.properties
    frontend = _part(properties["frontendIPConfigurations"], rule["frontendIPConfiguration"])
    internal = "privateIPAddress" in frontend
    address = frontend["privateIPAddress"] if internal else _public_address(store, frontend)
    return Rule(
        name=f"{balancer.name}-{rule['name']}",
        address=address,
        internal=internal,
        port=int(rule["frontendPort"]),
        backend_port=int(rule["backendPort"]),
        idle_minutes=int(rule.get("idleTimeoutInMinutes", 4)),
        probe=_part(properties["probes"], rule["probe"]),
        backends=tuple(_members(store, rule["backendAddressPool"]["id"])),
    )


def _part(parts: Sequence[Mapping[str, Any]], reference: Mapping[str, str]) -> Mapping[str, Any]:
    name = reference["id"].rpartition("/")[2].lower()
    return next(part for part in parts if part["name"].lower() == name)


def _public_address(store: Store, frontend: Mapping[str, Any]) -> str:
    resource = store.get(frontend["publicIPAddress"]["id"])
    if resource is None:
        raise LookupError(frontend["publicIPAddress"]["id"])
    return str(resource.outputs["ipAddress"])


def _members(store: Store, pool: str) -> list[str]:
    return [
        configuration["privateIPAddress"]
        for card in store.list("network:NetworkInterface")
        for configuration in card.properties["ipConfigurations"]
        for member in configuration.get("loadBalancerBackendAddressPools", [])
        if member["id"].lower() == pool.lower()
    ]


def _listener(rule: Rule) -> str:
    probe = rule.probe
    interval = int(probe.get("intervalInSeconds", 15))
    # One failed probe is enough unless probeThreshold says otherwise; numberOfProbes does nothing.
    threshold = int(probe.get("probeThreshold", 1))
    check = f"check port {int(probe['port'])} inter {interval}s fall {threshold} rise {threshold}"
    if probe["protocol"] == "Https":
        check += " check-ssl verify none"
    lines = [
        f"listen {rule.name}",
        f"bind {rule.address}:{rule.port}",
        f"timeout client {rule.idle_minutes}m",
        f"timeout server {rule.idle_minutes}m",
        f"timeout check {interval}s",
    ]
    if probe["protocol"] != "Tcp":
        lines += [
            "option httpchk",
            f"http-check send meth GET uri '{probe['requestPath']}' ver HTTP/1.1 hdr Host probe",
            "http-check expect status 200",
        ]
    lines += [f"server {one} {one}:{rule.backend_port} {check}" for one in rule.backends]
    return "\n    ".join(lines) + "\n"


def _haproxy(image_root: Path) -> list[str]:
    """The host's program, or the machine image's with the libraries of that image."""
    found = shutil.which("haproxy")
    if found:
        return [found]
    loader = next(image_root.glob("lib*/ld-linux-*.so.*"))
    libraries = next(image_root.glob("usr/lib/*-linux-gnu"))
    return [str(loader), "--library-path", str(libraries), str(image_root / "usr/sbin/haproxy")]
