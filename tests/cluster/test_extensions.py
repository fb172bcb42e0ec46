"""An apiserver reaches what pods serve: a webhook and an aggregated API."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster.conftest import Cluster, eventually

HOST = "extension.default.svc"
GROUP = "testbox.kilonode.io"


def self_signed() -> tuple[str, str]:
    """A certificate for the extension's service and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(pem).decode(), private.decode()


@pytest.fixture(scope="module")
def authority(cluster: Cluster) -> Iterator[str]:
    """The running extension's certificate, base64."""
    certificate, key = self_signed()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "extension", "namespace": "default"},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": certificate, "tls.key": key},
    }
    cluster.kubectl("apply", "--filename=-", stdin=json.dumps(secret))
    cluster.apply("extension")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/extension", "--timeout=120s")
    yield base64.b64encode(certificate.encode()).decode()
    cluster.kubectl("delete", "pod/extension", "service/extension", "secret/extension")


def test_an_apiserver_asks_a_webhook_served_by_a_pod(cluster: Cluster, authority: str) -> None:
    """Masters are nodes with flannel for this: their apiservers must reach pod addresses."""
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "testbox"},
        "webhooks": [
            {
                "name": "validate.testbox.kilonode.io",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": 5,
                "matchPolicy": "Equivalent",
                "objectSelector": {"matchLabels": {"testbox": "asked"}},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["configmaps"],
                    }
                ],
                "clientConfig": {
                    "caBundle": authority,
                    "service": {"name": "extension", "namespace": "default", "path": "/validate"},
                },
            }
        ],
    }
    cluster.kubectl("apply", "--filename=-", stdin=json.dumps(webhook))
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "asked", "namespace": "default", "labels": {"testbox": "asked"}},
    }

    def denied() -> bool:
        """The webhook denies what carries the data key `deny`."""
        try:
            cluster.kubectl(
                "create", "--filename=-", stdin=json.dumps({**config_map, "data": {"deny": "yes"}})
            )
        except subprocess.CalledProcessError:
            return True
        cluster.kubectl("delete", "configmap/asked")
        return False

    try:
        eventually(denied, 60, "the webhook's answer counts")
        cluster.kubectl("create", "--filename=-", stdin=json.dumps(config_map))
        cluster.kubectl("delete", "configmap/asked")
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration/testbox")


def test_an_apiserver_serves_an_aggregated_api_from_a_pod(cluster: Cluster, authority: str) -> None:
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": "v1",
            "groupPriorityMinimum": 1000,
            "versionPriority": 10,
            "caBundle": authority,
            "service": {"name": "extension", "namespace": "default"},
        },
    }
    cluster.kubectl("apply", "--filename=-", stdin=json.dumps(service))
    try:
        eventually(
            lambda: GROUP in cluster.kubectl("get", "--raw", f"/apis/{GROUP}/v1"),
            60,
            "the aggregated API answers through the apiserver",
        )
    finally:
        cluster.kubectl("delete", f"apiservice/v1.{GROUP}")
