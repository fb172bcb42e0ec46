"""flannel's own client certificate, signed by the cluster for this node alone.

The kubelet's certificate vouches for the request; the masters' csr-approver checks that it names
the same node, and an admission policy keeps its owner to that node. So a pod that takes flannel's
key over gets no more than this node's network.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from kilonode.kube_api import CERTIFICATE_REQUESTS, KubeApi
from kilonode.kubeconfigs import FLANNEL_CREDENTIAL, PKI
from kilonode.machine import environment, hostname, say, write_atomically
from kilonode.web import retry

KUBELET_CREDENTIAL = Path("/var/lib/kilonode/kubelet/kubelet-client-current.pem")
GROUP = "kilonode:flannel"

_DAY = 24 * 60 * 60
LIFETIME_SECONDS = 30 * _DAY
RENEWED_BEFORE_SECONDS = 15 * _DAY


class RefusedError(Exception):
    """The request will never be signed."""


class UnsignedError(OSError):
    """Nobody has signed the request yet."""


def certificate_request(node: str, pem: str) -> dict[str, Any]:
    """The Kubernetes object that asks for `node`'s certificate. pem: the PKCS #10 request."""
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": f"flannel-{node}-"},
        "spec": {
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["digital signature", "client auth"],
            "expirationSeconds": LIFETIME_SECONDS,
            "request": base64.b64encode(pem.encode()).decode(),
        },
    }


def signed_certificate(request: dict[str, Any]) -> str:
    """The PEM certificate. Raises UnsignedError or RefusedError."""
    status = request["status"]
    for condition in status.get("conditions", []):
        if condition["type"] in ("Denied", "Failed"):
            raise RefusedError(f"{condition['type']}: {condition.get('message', '')}")
    if "certificate" not in status:
        raise UnsignedError("not signed yet")
    return base64.b64decode(status["certificate"]).decode()


def is_fresh(credential: Path) -> bool:
    """Whether the certificate in it is good for at least RENEWED_BEFORE_SECONDS more."""
    if not credential.exists():
        return False
    check = ["openssl", "x509", "-noout", "-checkend", str(RENEWED_BEFORE_SECONDS)]
    ended = subprocess.run([*check, "-in", str(credential)], stdout=subprocess.DEVNULL)
    return ended.returncode == 0


def new_key_and_request(node: str) -> tuple[str, str]:
    """A P-256 key and the PKCS #10 request for it, both PEM."""
    key = _openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "")
    subject = f"/O={GROUP}/CN={GROUP}:{node}"
    return key, _openssl(["req", "-new", "-key", "/dev/stdin", "-subj", subject], key)


def _openssl(arguments: list[str], text: str) -> str:
    return subprocess.run(
        ["openssl", *arguments], input=text, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def obtain(api: KubeApi, node: str) -> str:
    """A new credential: certificate and key, PEM. Raises RefusedError.

    One request, asked about less and less often until the unit's timeout: when thousands of nodes
    join, signing takes minutes, and new requests would only make it take longer.
    """
    key, pem = new_key_and_request(node)
    asked = certificate_request(node, pem)
    created = retry(
        "flannel's request", lambda: api.request("POST", CERTIFICATE_REQUESTS, asked), None
    )
    path = f"{CERTIFICATE_REQUESTS}/{created['metadata']['name']}"
    certificate = retry(
        "flannel's certificate", lambda: signed_certificate(api.request("GET", path)), None
    )
    return certificate + key


def main() -> None:
    if is_fresh(FLANNEL_CREDENTIAL):
        return
    # On a new machine the kubelet joins while this one waits; the unit's timeout is the limit.
    while not KUBELET_CREDENTIAL.exists():
        time.sleep(1)
    server = environment()["API_SERVER"]
    api = KubeApi(server, PKI / "ca.crt", KUBELET_CREDENTIAL, KUBELET_CREDENTIAL)
    try:
        credential = obtain(api, hostname())
    except RefusedError as error:
        sys.exit(f"flannel's certificate: {error}")
    write_atomically(FLANNEL_CREDENTIAL, credential.encode(), 0o600)
    say(f"flannel has a certificate for {LIFETIME_SECONDS // _DAY} days")


if __name__ == "__main__":
    main()
