"""Kubeconfigs of this machine's programs. JSON is YAML: client-go reads both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kilonode.machine import environment, write_atomically

PKI = Path("/etc/kilonode/pki/kubernetes")
KUBECONFIGS = Path("/etc/kilonode/kubeconfigs")
FLANNEL_CREDENTIAL = Path("/var/lib/kilonode/flannel/credential.pem")

# Which of them a machine has is its role's: the bundle holds what the role may be.
IDENTITIES = ("bootstrap", "kube-proxy", "controller-manager", "scheduler", "manifests")


def kubeconfig(server: str, certificate: Path, key: Path) -> dict[str, Any]:
    """Names files and holds no secret, so it outlives a renewed certificate."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "kilonode",
                "cluster": {"server": server, "certificate-authority": str(PKI / "ca.crt")},
            }
        ],
        "users": [
            {
                "name": "machine",
                "user": {"client-certificate": str(certificate), "client-key": str(key)},
            }
        ],
        "contexts": [{"name": "kilonode", "context": {"cluster": "kilonode", "user": "machine"}}],
        "current-context": "kilonode",
    }


def main() -> None:
    server = environment()["API_SERVER"]
    credentials = {name: (PKI / f"{name}.crt", PKI / f"{name}.key") for name in IDENTITIES}
    credentials["flannel"] = (FLANNEL_CREDENTIAL, FLANNEL_CREDENTIAL)
    for name, (certificate, key) in credentials.items():
        text = json.dumps(kubeconfig(server, certificate, key), indent=1)
        write_atomically(KUBECONFIGS / f"{name}.kubeconfig", f"{text}\n".encode(), 0o644)


if __name__ == "__main__":
    main()
