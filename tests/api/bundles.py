"""What the program hands to machines and people, with real keys and certificates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc

from components.endpoint import endpoint
from components.pki import Pki, PkiArgs
from config.schema.stack import Settings
from config.topology import API_PORT, Topology
from local_azure.providers.tls import Tls
from tests.pulumi_runtime import in_a_program


@dataclass(frozen=True)
class Handed:
    """bundles: the vault's secrets by role. The others: the program's secret outputs."""

    bundles: dict[str, str]
    kubeconfig: str
    break_glass: str


class _LocalTls(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if not args.typ.startswith("tls:"):
            return None, args.inputs
        plain = {
            name: rpc.unwrap_rpc_secret(value) if rpc.is_rpc_secret(value) else value
            for name, value in args.inputs.items()
        }
        return Tls().create(args.typ, plain)

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"no key depends on a look-up: {args.token}")


def handed(settings: Settings, topology: Topology, master: str) -> Handed:
    """master: address at which people find the API here."""
    return in_a_program(_LocalTls(), lambda: _handed(settings, topology, master))


async def _handed(settings: Settings, topology: Topology, master: str) -> Handed:
    served = endpoint(settings, topology)
    pki = Pki(
        "pki",
        PkiArgs(
            cluster=topology.cluster,
            etcd=topology.etcd,
            events=topology.events,
            apiserver_names=served.names,
            apiserver_addresses=served.addresses,
            api_server=f"https://{master}:{API_PORT}",
            encryption_keys=settings.control_plane.encryption_keys,
        ),
    )
    bundles = {role: await _known(bundle) for role, bundle in pki.bundles.items()}
    return Handed(bundles, await _known(pki.kubeconfig), await _known(pki.break_glass))


async def _known(output: pulumi.Output[str]) -> str:
    value = await output.future()
    assert value is not None
    return value


def signed(bundle: str, user: str, groups: str | None) -> tuple[str, str]:
    """A client certificate of the bundle's authority, and its key: whoever the user is."""
    files = json.loads(bundle)["files"]
    _, key = Tls().create("PrivateKey", {"algorithm": "ECDSA", "ecdsaCurve": "P256"})
    subject = {"commonName": user, **({"organization": groups} if groups else {})}
    asked = {"privateKeyPem": key["privateKeyPem"], "subject": subject}
    _, request = Tls().create("CertRequest", asked)
    _, certificate = Tls().create(
        "LocallySignedCert",
        {
            "certRequestPem": request["certRequestPem"],
            "caCertPem": files["kubernetes/ca.crt"],
            "caPrivateKeyPem": files["kubernetes/ca.key"],
            "allowedUses": ["digital_signature", "client_auth"],
            "validityPeriodHours": 24,
        },
    )
    return certificate["certPem"], key["privateKeyPem"]
