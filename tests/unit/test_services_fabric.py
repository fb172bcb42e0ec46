"""Names, certificates and load balancers follow what is in the store."""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from local_azure.services.authority import Authority
from local_azure.services.dns import zone
from local_azure.services.load_balancer import configuration, hairpin_drops, listeners
from local_azure.services.servers import WebServers
from tests.unit.services_world import NETWORK, VAULT, World

BALANCER = f"{NETWORK}/loadBalancers/c-api"
POOL = f"{BALANCER}/backendAddressPools/masters"
READY = "/readyz?exclude=etcd-override-0&exclude=etcd-override-readiness-0"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def load_balancer(frontend: dict[str, Any], **probe: Any) -> dict[str, Any]:
    """The numbers are floats, as the engine sends them."""
    health = {"name": "ready", "protocol": "Https", "port": 6443.0, "requestPath": READY}
    rule = {
        "name": "api",
        "protocol": "Tcp",
        "frontendPort": 443.0,
        "backendPort": 6443.0,
        "idleTimeoutInMinutes": 30.0,
        "frontendIPConfiguration": {"id": f"{BALANCER}/frontendIPConfigurations/api"},
        "backendAddressPool": {"id": POOL.upper()},
        "probe": {"id": f"{BALANCER}/probes/ready"},
    }
    return {
        "frontendIPConfigurations": [{"name": "api", **frontend}],
        "backendAddressPools": [{"name": "masters"}],
        "probes": [health | {"intervalInSeconds": 5.0} | probe],
        "loadBalancingRules": [rule],
    }


def network_card(world: World, name: str, address: str, *pools: str) -> None:
    pool_references = [{"id": pool} for pool in pools]
    ip = {"privateIPAddress": address, "loadBalancerBackendAddressPools": pool_references}
    world.put(
        "network:NetworkInterface",
        f"{NETWORK}/networkInterfaces/{name}",
        {"ipConfigurations": [ip]},
    )


@pytest.fixture
def api(world: World) -> World:
    internal = {"privateIPAddress": "10.0.1.9", "subnet": {"id": "a subnet"}}
    world.put("network:LoadBalancer", BALANCER, load_balancer(internal))
    network_card(world, "c-master-a", "10.0.1.10", POOL)
    network_card(world, "c-master-b", "10.0.1.11", POOL)
    network_card(world, "c-etcd-a", "10.0.0.10")
    return world


def test_every_member_of_the_pool_is_behind_the_frontend(api: World) -> None:
    text = configuration(list(listeners(api.store)))
    assert "bind 10.0.1.9:443\n" in text
    servers = [line.split()[2] for line in text.splitlines() if line.startswith("    server ")]
    assert servers == ["10.0.1.10:6443", "10.0.1.11:6443"]
    assert "timeout client 30m" in text
    assert "timeout server 30m" in text


def test_the_probe_asks_as_the_resource_says(api: World) -> None:
    text = configuration(list(listeners(api.store)))
    assert f"http-check send meth GET uri '{READY}' " in text
    assert "http-check expect status 200" in text
    assert text.count("check port 6443 inter 5s fall 1 rise 1 check-ssl verify none") == 2
    assert "source 168.63.129.16" in text, "Azure's probes come from there"


def test_a_threshold_counts_probes_and_the_number_of_probes_does_nothing(api: World) -> None:
    frontend = {"privateIPAddress": "10.0.1.9"}
    changed = load_balancer(frontend, probeThreshold=3.0, numberOfProbes=9.0)
    api.put("network:LoadBalancer", BALANCER, changed)
    assert "fall 3 rise 3" in configuration(list(listeners(api.store)))


def test_a_tcp_probe_only_connects(api: World) -> None:
    api.put(
        "network:LoadBalancer", BALANCER, load_balancer({"privateIPAddress": "x"}, protocol="Tcp")
    )
    text = configuration(list(listeners(api.store)))
    assert "check port 6443" in text
    assert "http-check" not in text
    assert "check-ssl" not in text


def test_a_backend_does_not_reach_its_own_internal_frontend(api: World) -> None:
    drops = hairpin_drops(list(listeners(api.store))).splitlines()
    assert [line for line in drops if line.startswith("-A")] == [
        "-A PREROUTING -s 10.0.1.10 -d 10.0.1.9 -j DROP",
        "-A PREROUTING -s 10.0.1.11 -d 10.0.1.9 -j DROP",
    ]


def test_a_public_frontend_is_at_its_public_address_and_has_no_hairpin(api: World) -> None:
    address = f"{NETWORK}/publicIPAddresses/c-api"
    api.put("network:PublicIPAddress", address, None, ipAddress="203.0.113.7")
    public = load_balancer({"publicIPAddress": {"id": address}})
    api.put("network:LoadBalancer", BALANCER, public)
    current = list(listeners(api.store))
    assert "bind 203.0.113.7:443" in configuration(current)
    assert "-A" not in hairpin_drops(current)


def test_the_zone_has_the_names_of_what_exists(world: World) -> None:
    records = dict(line.split(" 5 IN A ") for line in zone(world.store).splitlines()[2:])
    assert records == {
        "c-vault-1.vault.azure.net.": "198.18.0.1",
        "cstore1.blob.core.windows.net.": "198.18.0.2",
        "mirror.kilonode.internal.": "198.18.0.3",
        "registry.k8s.io.": "198.18.0.4",
        "quay.io.": "198.18.0.4",
    }


def test_a_changed_zone_has_another_serial(world: World) -> None:
    before = zone(world.store)
    world.store.delete(VAULT)
    after = zone(world.store)
    assert "vault.azure.net" not in after
    assert before.splitlines()[0] != after.splitlines()[0]


def test_the_authority_is_made_once_and_for_root_only(tmp_path: Path) -> None:
    first = Authority(tmp_path / "ca").certificate_file.read_bytes()
    assert Authority(tmp_path / "ca").certificate_file.read_bytes() == first
    Authority(tmp_path / "ca").issue("services", ["*.vault.azure.net"], ["198.18.0.1"])
    files = list((tmp_path / "ca").iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert len(files) == 4
    assert (tmp_path / "ca").stat().st_mode & 0o77 == 0


def test_who_trusts_the_authority_trusts_its_servers_and_no_other_name(tmp_path: Path) -> None:
    (tmp_path / "mirror" / "dl.k8s.io").mkdir(parents=True)
    (tmp_path / "mirror" / "dl.k8s.io" / "a.tgz").write_bytes(b"archive")
    authority = Authority(tmp_path / "ca")
    application = web.Application()
    application.router.add_static("/", tmp_path / "mirror")
    servers = WebServers()
    trust = ssl.create_default_context(cafile=str(authority.certificate_file))
    try:
        tls = authority.server_context("services", ["localhost"])
        port = servers.serve(application, "127.0.0.1", 0, tls)
        url = f"https://localhost:{port}/dl.k8s.io/a.tgz"
        with urllib.request.urlopen(url, context=trust) as answer:
            assert answer.read() == b"archive"
            assert answer.headers["Content-Encoding"] is None
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(url.replace("localhost", "127.0.0.1"), context=trust)
    finally:
        servers.stop()
