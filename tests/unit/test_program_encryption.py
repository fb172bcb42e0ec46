"""The keys with which Secrets are encrypted in etcd."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from components.encryption import secretbox_key
from tests.unit.program_recorder import (
    PLANTED_ENCRYPTION_KEY,
    SECRET,
    recorded,
    reveal,
    run,
    settings,
)


def pem(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_key_is_the_random_bytes_themselves() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    assert base64.b64decode(secretbox_key(pem(key))) == key.private_bytes_raw()


def test_bytes_of_another_key_are_refused() -> None:
    """The last 32 bytes of any other would be a public one's."""
    with pytest.raises(ValueError, match="not an Ed25519 private key"):
        secretbox_key(pem(ec.generate_private_key(ec.SECP256R1())))


def test_masters_alone_have_the_key() -> None:
    """Nodes run other people's pods; etcd machines and snapshots hold what it encrypts."""
    bundles = {
        one.inputs["secretName"]: str(reveal(one.inputs["properties"]["value"]))
        for one in recorded("prod", True).of_type(SECRET)
    }
    having = {role for role, bundle in bundles.items() if PLANTED_ENCRYPTION_KEY in bundle}
    assert having == {"master"}


def test_a_key_is_made_once_and_another_is_another_name() -> None:
    """One that changed by itself would make all Secrets unreadable."""
    before = set(recorded("prod", False).urns)
    control_plane = {"preset": "large", "encryptionKeys": ["b", "a"]}
    after = set(run(settings(controlPlane=control_plane), known=False).urns)
    assert [urn.rsplit("::", 1)[1] for urn in after ^ before] == ["prod-pki-encryption-b"]
