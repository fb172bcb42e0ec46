"""Encryption at rest: the keys with which apiservers write Secrets to etcd."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pulumi
import pulumi_tls as tls

# What stands before the seed in every Ed25519 private key of PKCS #8 (RFC 8410, section 7).
_BEFORE_THE_SEED = bytes.fromhex("302e020100300506032b657004220420")
_SEED_BYTES = 32


def encryption_configuration(
    name: str, keys: Sequence[str], *, parent: pulumi.Resource
) -> pulumi.Output[str]:
    """An EncryptionConfiguration, secret. The first of `keys` writes, and all of them read.

    Its resources are called `name`-KEY. What was written before there was a key is read, too.
    """
    known_as = [{"name": key, "secret": _secret_key(f"{name}-{key}", parent)} for key in keys]
    return pulumi.Output.secret(
        pulumi.Output.json_dumps(
            {
                "apiVersion": "apiserver.config.k8s.io/v1",
                "kind": "EncryptionConfiguration",
                "resources": [
                    {
                        "resources": ["secrets"],
                        # AES-GCM would need a new key after 200,000 writes, AES-CBC has no
                        # integrity (Kubernetes, "Encrypting Confidential Data at Rest").
                        "providers": [{"secretbox": {"keys": known_as}}, {"identity": {}}],
                    }
                ],
            },
            indent=1,
        )
    )


def _secret_key(name: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    # An Ed25519 private key is 32 random bytes as they came (RFC 8032, section 5.1.5), just what
    # secretbox takes: so no further provider is needed to have them made once and kept.
    key = tls.PrivateKey(name, algorithm="ED25519", opts=pulumi.ResourceOptions(parent=parent))
    pem: pulumi.Output[str] = pulumi.Output.secret(key.private_key_pem)
    return pem.apply(secretbox_key)


def secretbox_key(pem: str) -> str:
    """The 32 random bytes of an Ed25519 private key, in base64. Raises ValueError."""
    der = base64.b64decode("".join(pem.split("-----")[2].split()), validate=True)
    if not der.startswith(_BEFORE_THE_SEED) or len(der) != len(_BEFORE_THE_SEED) + _SEED_BYTES:
        raise ValueError("not an Ed25519 private key of PKCS #8, version 1")
    return base64.b64encode(der[-_SEED_BYTES:]).decode()
