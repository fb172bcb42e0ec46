"""A stack's first master and its two etcd, each of one member, on loopback addresses of their own.

The settings are the stack's, but for its network and the number of members; flags and files follow
from them as on Azure.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.render import machine_files
from config.schema.stack import Settings
from config.settings import raw_settings
from config.stack_file import configuration
from config.topology import Member, topology
from tests.api.bundles import handed, signed
from tests.api.machine import Exceptions, Machine, Service

_ETCD_SERVICES = {"etcd": 2379, "events": 2381}
_PATIENCE_SECONDS = 120
_ELSEWHERE = "other test runs have the same ports"
# What a node learns from the metadata service. Kubernetes takes no loopback address for the
# endpoint of its own service, which nobody asks here.
_NODE = {"NODE_IP": "192.0.2.10", "NODE_NAME": "prod-master-a", "PROVIDER_ID": "azure://none"}


class Network:
    """A /16 of loopback that no other test run on this machine has."""

    def __init__(self) -> None:
        self._claim = socket.socket()
        while True:
            self.prefix = f"127.{secrets.randbelow(253) + 2}"
            try:
                self._claim.bind((f"{self.prefix}.255.254", 6443))
                return
            except OSError:
                continue

    def close(self) -> None:
        self._claim.close()


def settings_on(network: Network, stack: str, changes: Mapping[str, Any]) -> Settings:
    """Not checked against Azure's rules, which refuse loopback and single members."""
    raw = raw_settings(configuration(stack)) | dict(changes)
    raw["network"] |= {
        "cidr": f"{network.prefix}.0.0/16",
        "subnets": {
            "etcd": f"{network.prefix}.0.0/24",
            "masters": f"{network.prefix}.1.0/24",
            "nodes": f"{network.prefix}.64.0/18",
        },
    }
    for cluster in ("main", "events"):
        raw["etcd"][cluster]["members"] = ["a"]
        raw["etcd"][cluster].pop("learner", None)
    return Settings.model_validate(raw)


def eventually(check: Callable[[], object], what: str) -> None:
    """The limit is a last resort, not a measure of speed."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            if check():
                return
            problem = ""
        except subprocess.CalledProcessError as error:
            problem = str(error.stderr)
        assert time.monotonic() < deadline, f"not within {_PATIENCE_SECONDS} s: {what}: {problem}"
        time.sleep(0.2)


@dataclass(frozen=True)
class Api:
    """One user's access."""

    kubectl_program: Path
    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """kubectl's standard output. Raises CalledProcessError; its `stderr` says why."""
        return subprocess.run(
            [str(self.kubectl_program), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def apply(self, manifests: str) -> str:
        """Server-side and strictly validated: a field that the API does not know is refused."""
        return self.kubectl(
            *("apply", "--server-side", "--validate=strict", "--filename=-"), stdin=manifests
        )

    def shown(self, *arguments: str) -> str:
        """What kubectl says about a request, whether it succeeds or not."""
        command = [str(self.kubectl_program), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    def refusal(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl says when the API refuses, as it must."""
        try:
            said = self.kubectl(*arguments, stdin=stdin)
        except subprocess.CalledProcessError as error:
            return str(error.stderr)
        raise AssertionError(f"accepted: {said}")


class ControlPlane:
    """Runs from `start` to `end`; `api`: the administrator's access, by the stack's kubeconfig."""

    def __init__(
        self,
        folder: Path,
        programs: Path,
        stack: str = "prod",
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """changes: top-level settings in place of the stack's."""
        self._network = Network()
        self.settings = settings_on(self._network, stack, changes or {})
        self.topology = topology(self.settings)
        self.address = str(self.topology.masters[0].address)
        self.handed = handed(self.settings, self.topology, self.address)
        self._folder, self._programs = folder, programs
        self._files = machine_files(self.settings)
        self._services: list[Service] = []
        self.master = self._master(self.topology.masters[0])
        self.api = self._access("administrator", self.handed.kubeconfig)
        self.break_glass = self._access("break-glass", self.handed.break_glass)

    def start(self, *further: str) -> None:
        """etcd, apiserver and its manifests; further: kube-controller-manager, kube-scheduler."""
        for member in (*self.topology.etcd.voters, *self.topology.events.voters):
            self._start_etcd(member)
        self._until(self._etcd_answers, "etcd answers")
        self.start_service("kube-apiserver")
        self._wait_for(self.api)
        self.master.run("apply-manifests")
        for service in further:
            self.start_service(service)

    def start_service(self, service: str) -> Service:
        """Another of the master's services, or the one that runs: its port is taken."""
        for one in self._services:
            if one.name == service and not one.ended():
                return one
        self._services.append(self.master.start(service, self.exceptions(service)))
        return self._services[-1]

    def start_other_apiserver(self) -> Api:
        """The second master's, and the administrator's way to it."""
        member = self.topology.masters[1]
        exceptions = Exceptions(added={"--bind-address": (str(member.address), _ELSEWHERE)})
        self._services.append(self._master(member).start("kube-apiserver", exceptions))
        api = self._access(
            member.name, self.handed.kubeconfig.replace(self.address, str(member.address))
        )
        self._wait_for(api)
        return api

    def end(self) -> None:
        for service in reversed(self._services):
            service.kill()
        self._network.close()

    def user(self, name: str, groups: str | None = None) -> Api:
        """Access of somebody whom the cluster's authority has certified."""
        certificate, key = signed(self.handed.bundles["master"], name, groups)
        return self._access(name, self._kubeconfig_of(certificate, key))

    def exceptions(self, service: str) -> Exceptions:
        """How a service's flags differ here from those on the machine."""
        return Exceptions(added={"--bind-address": (self.address, _ELSEWHERE)})

    def etcd_value(self, key: str, cluster: str = "etcd") -> bytes:
        """The raw value of a key of etcd."""
        member = (self.topology.etcd if cluster == "etcd" else self.topology.events).voters[0]
        pki = self.master.path("/etc/kilonode/pki/etcd")
        return subprocess.run(
            [
                str(self._programs / "etcdctl"),
                f"--endpoints=https://{member.address}:{_ETCD_SERVICES[cluster]}",
                *(f"--cacert={pki}/ca.crt", f"--cert={pki}/client.crt", f"--key={pki}/client.key"),
                *("get", "--print-value-only", key),
            ],
            capture_output=True,
            check=True,
        ).stdout

    def _start_etcd(self, member: Member) -> None:
        machine = Machine(self._folder / member.role, self._files[member.role], self._programs)
        machine.unpack(self.handed.bundles[member.role])
        port = _ETCD_SERVICES[member.role]
        machine.path("/run/kilonode/etcd.env").touch()
        # What etcd-member.service finds out.
        machine.set(
            "/run/kilonode/etcd.env",
            MEMBER_NAME=member.name,
            MEMBER_ADDRESS=str(member.address),
            INITIAL_CLUSTER=f"{member.name}=https://{member.address}:{port + 1}",
            INITIAL_CLUSTER_STATE="new",
            INITIAL_CLUSTER_TOKEN="test",
        )
        own = (f"https://{member.address}:{port}", "127.0.0.1 belongs to everybody here")
        exceptions = Exceptions(
            replaced={"--listen-client-urls": own},
            added={"--unsafe-no-fsync": ("true", "nothing here outlives the test")},
        )
        self._services.append(machine.start("etcd", exceptions))

    def _master(self, member: Member) -> Machine:
        master = Machine(self._folder / member.name, self._files["master"], self._programs)
        master.unpack(self.handed.bundles["master"])
        # On a master 127.0.0.1 is its own apiserver.
        master.set("/etc/kilonode/machine.env", API_SERVER=f"https://{member.address}:6443")
        master.path("/run/kilonode/node.env").touch()
        master.set("/run/kilonode/node.env", **_NODE)
        master.run("write-kubeconfigs")
        return master

    def _etcd_answers(self) -> bool:
        return [self.etcd_value("none", cluster) for cluster in _ETCD_SERVICES] == [b"", b""]

    def _wait_for(self, api: Api) -> None:
        self._until(
            lambda: api.kubectl("get", "--raw", "/readyz") == "ok", "the apiserver is ready"
        )

    def _until(self, check: Callable[[], object], what: str) -> None:
        def checked() -> object:
            for service in self._services:
                assert not service.ended(), service.ended()
            return check()

        eventually(checked, what)

    def _access(self, name: str, kubeconfig: str) -> Api:
        file = self._folder / f"{name.replace(':', '-')}.kubeconfig"
        file.touch(mode=0o600)
        file.write_text(kubeconfig)
        return Api(self._programs / "kubectl", file)

    def _kubeconfig_of(self, certificate: str, key: str) -> str:
        content = json.loads(self.handed.kubeconfig)
        (user,) = content["users"]
        user["user"] = {
            "client-certificate-data": base64.b64encode(certificate.encode()).decode(),
            "client-key-data": base64.b64encode(key.encode()).decode(),
        }
        return json.dumps(content)
