"""The configuration of a node's DNS cache, by the CoreDNS that runs there (D10)."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.addons.manifests import manifests
from tests.api.control_plane import Network, eventually

PORT = 5300
# In the place of the cluster's DNS: every service has the same address, and questions are counted.
UPSTREAM = """. {{
    bind {address}
    template IN A {{
        answer "{{{{ .Name }}}} 30 IN A 10.96.0.99"
    }}
    prometheus {address}:9153
}}
"""


class Dns:
    """Two CoreDNS on loopback: the cache with our configuration, and what it asks."""

    def __init__(self, folder: Path, program: Path) -> None:
        self._network = Network()
        self._folder, self._program = folder, program
        self._running: list[subprocess.Popen[bytes]] = []
        self.cache = f"{self._network.prefix}.0.1"
        self.upstream = f"{self._network.prefix}.0.2"
        self._start("upstream", UPSTREAM.format(address=self.upstream))
        values = {
            "image": "coredns",
            "cache": self.cache,
            "dns": f"{self.upstream}:{PORT}",
            "ttl": 30,
        }
        (config, _) = manifests("node-local-dns", values)
        # Other test runs have the same port.
        text = config["data"]["Corefile"].replace("prometheus :", f"prometheus {self.cache}:")
        self._start("cache", text)

    def end(self) -> None:
        for one in self._running:
            one.kill()
            one.wait()
        self._network.close()

    def ask(self, name: str) -> str:
        """The first address that the cache answers with."""
        labels = b"".join(bytes([len(part)]) + part for part in name.encode().split(b"."))
        question = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.settimeout(5)
            asked.sendto(question, (self.cache, PORT))
            return socket.inet_ntoa(asked.recv(512)[-4:])

    def asked_upstream(self) -> dict[str, int]:
        """Questions that came to the cluster's DNS so far, by protocol."""
        url = f"http://{self.upstream}:9153/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
        found = re.findall(r'^coredns_dns_requests_total\{.*proto="(\w+)".*\} (\d+)$', text, re.M)
        return {protocol: int(count) for protocol, count in found}

    def _start(self, name: str, corefile: str) -> None:
        file = self._folder / name
        file.write_text(corefile)
        command = [str(self._program), "-conf", str(file), f"-dns.port={PORT}"]
        self._running.append(subprocess.Popen(command))


@pytest.fixture
def dns(programs: Path, tmp_path: Path) -> Iterator[Dns]:
    made = Dns(tmp_path, programs / "coredns")
    try:
        yield made
    finally:
        made.end()


def test_a_node_asks_the_clusters_dns_once_and_by_tcp(dns: Dns) -> None:
    name = "web.default.svc.cluster.local"
    eventually(lambda: answers(dns, name), "the cache answers")
    for _ in range(10):
        assert dns.ask(name) == "10.96.0.99"
    asked = dns.asked_upstream()
    assert asked["tcp"] <= 2, "ten answers of the cache's own"
    assert "udp" not in asked, "a question by UDP is an entry in the connection table for 30 s"


def test_the_kubelet_is_told_that_the_cache_is_well(dns: Dns) -> None:
    def healthy() -> bool:
        try:
            with urllib.request.urlopen(f"http://{dns.cache}:8080/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    eventually(healthy, "the health page that the liveness probe asks for")


def answers(dns: Dns, name: str) -> bool:
    try:
        return dns.ask(name) == "10.96.0.99"
    except OSError:
        return False
