"""Publishes the keys that the cluster's ServiceAccount tokens are signed with, for Azure.

Microsoft Entra gives an add-on a token of its Azure identity for one of the cluster's, which it
checks with these two documents. They are public by nature. All masters write the same.
"""

from __future__ import annotations

import subprocess

from kilonode import metadata, web
from kilonode.machine import environment

_KUBECTL = (
    "/opt/kilonode/bin/kubectl",
    "--kubeconfig=/etc/kilonode/kubeconfigs/manifests.kubeconfig",
)
_DOCUMENTS = ("/.well-known/openid-configuration", "/openid/v1/jwks")
_STORAGE = "https://storage.azure.com"
_PATIENCE = 20 * 60.0


def document(path: str) -> bytes:
    """As this master's own API server serves it. Raises OSError."""
    asked = subprocess.run([*_KUBECTL, "get", "--raw", path], capture_output=True, check=False)
    if asked.returncode:
        raise OSError(asked.stderr.decode(errors="replace").strip())
    return asked.stdout


def publish(issuer: str) -> None:
    """issuer: URL of the container. Raises one of web.ERRORS."""
    for path in _DOCUMENTS:
        headers = {
            "Authorization": f"Bearer {metadata.token(_STORAGE)}",
            "x-ms-version": "2023-11-03",
            "x-ms-blob-type": "BlockBlob",
            "Content-Type": "application/json",
        }
        web.exchange(issuer + path, headers, method="PUT", body=document(path))


def main() -> None:
    issuer = environment()["TOKEN_ISSUER_URL"]
    # A right that has just been given is in force some minutes later.
    web.retry("token issuer", lambda: publish(issuer), _PATIENCE)


if __name__ == "__main__":
    main()
