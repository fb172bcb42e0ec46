"""The small programs that join a node: kubeconfigs, the pod network, flannel's credential."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kilonode import flannel_credential, kubeconfigs
from kilonode.cni_config import conflist, variables
from kilonode.flannel_credential import (
    RefusedError,
    UnsignedError,
    is_fresh,
    obtain,
    signed_certificate,
)
from kilonode.kube_api import KubeApi
from kilonode.pkcs10 import CertificateRequest, parse

SUBNET = """FLANNEL_NETWORK=10.64.0.0/12
FLANNEL_SUBNET=10.64.3.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
"""


def test_containers_get_addresses_of_the_nodes_own_subnet() -> None:
    bridge = conflist(variables(SUBNET))["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.64.3.0/24"}]]
    assert bridge["ipam"]["routes"] == [{"dst": "10.64.0.0/12"}]
    assert bridge["mtu"] == 1450, "a bigger packet does not fit into flannel's tunnel"
    assert not bridge["ipMasq"], "flannel masquerades; twice would hide pods from each other"


def test_addresses_are_free_again_after_a_reboot() -> None:
    """No container outlives one, and on the OS disk their reservations would."""
    assert conflist(variables(SUBNET))["plugins"][0]["ipam"]["dataDir"].startswith("/run/")


def test_every_program_has_a_kubeconfig_without_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeconfigs, "KUBECONFIGS", tmp_path)
    monkeypatch.setattr(kubeconfigs, "environment", lambda: {"API_SERVER": "https://10.0.1.9:6443"})
    kubeconfigs.main()
    names = {path.name for path in tmp_path.iterdir()}
    programs = {
        "bootstrap",
        "kube-proxy",
        "controller-manager",
        "scheduler",
        "manifests",
        "flannel",
    }
    assert names == {f"{program}.kubeconfig" for program in programs}
    proxy = json.loads((tmp_path / "kube-proxy.kubeconfig").read_text())
    assert proxy["clusters"][0]["cluster"]["server"] == "https://10.0.1.9:6443"
    # Names of files: a renewed certificate is found where the old one was.
    assert proxy["users"][0]["user"] == {
        "client-certificate": "/etc/kilonode/pki/kubernetes/kube-proxy.crt",
        "client-key": "/etc/kilonode/pki/kubernetes/kube-proxy.key",
    }


class SigningApi(KubeApi):
    """Takes a request and answers it as `status` says, once it was asked for so many times."""

    def __init__(self, status: Mapping[str, Any], after: int = 1) -> None:
        super().__init__("https://10.0.1.9:6443", Path(), Path(), Path())
        self.created: list[Mapping[str, Any]] = []
        self._answers = [*[{}] * after, status]

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        if method == "POST" and body is not None:
            self.created.append(body)
            return {"metadata": {"name": "flannel-x"}}
        assert path.endswith("/certificatesigningrequests/flannel-x")
        return {"status": self._answers.pop(0)}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the programs would have waited."""
    found: list[float] = []
    monkeypatch.setattr("kilonode.web.time.sleep", found.append)
    return found


SIGNED = {"certificate": base64.b64encode(b"CERTIFICATE\n").decode()}


def test_flannel_asks_for_a_certificate_of_its_node_alone() -> None:
    api = SigningApi(SIGNED)
    credential = obtain(api, "cpu-a-00000a")
    assert credential.startswith("CERTIFICATE\n-----BEGIN PRIVATE KEY-----")
    asked = api.created[0]["spec"]
    assert asked["signerName"] == "kubernetes.io/kube-apiserver-client"
    assert parse(base64.b64decode(asked["request"])) == CertificateRequest(
        "kilonode:flannel:cpu-a-00000a", "kilonode:flannel"
    )


def test_a_refusal_is_told_with_its_reason() -> None:
    condition = {"type": "Denied", "message": "not yours"}
    with pytest.raises(RefusedError, match="not yours"):
        obtain(SigningApi({"conditions": [condition]}), "cpu-a-00000a")


def test_an_approved_request_without_a_certificate_is_waited_for() -> None:
    with pytest.raises(UnsignedError):
        signed_certificate({"status": {"conditions": [{"type": "Approved"}]}})


def test_when_thousands_join_flannel_asks_once_and_looks_less_and_less_often(
    pauses: list[float],
) -> None:
    """Every new request would be one more for the masters to judge and to sign."""
    api = SigningApi(SIGNED, after=20)
    obtain(api, "cpu-a-00000a")
    assert len(api.created) == 1
    assert len(pauses) == 20
    assert max(pauses[:2]) <= 2, "where nobody else joins, it takes no longer than it must"
    assert min(pauses[8:]) >= 30
    assert len(set(pauses)) == 20, "jittered"


def test_a_certificate_is_renewed_when_half_of_its_time_is_over(tmp_path: Path) -> None:
    credential = tmp_path / "credential.pem"
    assert not is_fresh(credential)
    for days, fresh in ((30, True), (16, True), (14, False)):
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        more = ["-nodes", "-subj", "/CN=x", "-days", str(days), "-keyout", str(tmp_path / "key")]
        subprocess.run([*make, *more, "-out", str(credential)], check=True, capture_output=True)
        assert is_fresh(credential) is fresh, f"{days} days left"
    assert flannel_credential.LIFETIME_SECONDS == 2 * flannel_credential.RENEWED_BEFORE_SECONDS
