"""The local tls plugin makes what the real one makes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.encryption import secretbox_key
from local_azure.providers.tls import Tls

TLS = Tls()


def make(type: str, **inputs: Any) -> dict[str, Any]:
    return TLS.create(f"index:{type}", inputs)[1]


def private_key() -> str:
    pem: str = make("PrivateKey", algorithm="ECDSA", ecdsaCurve="P256")["privateKeyPem"]
    return pem


def authority(key: str) -> str:
    pem: str = make(
        "SelfSignedCert",
        privateKeyPem=key,
        isCaCertificate=True,
        allowedUses=["cert_signing", "crl_signing"],
        validityPeriodHours=48,
        subject={"commonName": "authority"},
    )["certPem"]
    return pem


def signed(**inputs: Any) -> dict[str, Any]:
    key = private_key()
    request = make(
        "CertRequest",
        privateKeyPem=private_key(),
        subject={"commonName": "server", "organization": "group"},
        dnsNames=["localhost"],
        ipAddresses=["127.0.0.1"],
    )
    asked = {
        "certRequestPem": request["certRequestPem"],
        "caCertPem": authority(key),
        "caPrivateKeyPem": key,
        "allowedUses": ["digital_signature", "server_auth"],
        "validityPeriodHours": 24,
    }
    return make("LocallySignedCert", **(asked | inputs))


def test_a_certificate_says_what_was_asked_for_and_who_signed_it() -> None:
    made = signed(setSubjectKeyId=True)
    certificate = x509.load_pem_x509_certificate(made["certPem"].encode())
    issuer = x509.load_pem_x509_certificate(made["caCertPem"].encode())
    certificate.verify_directly_issued_by(issuer)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.SERVER_AUTH]
    [group] = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert group.value == "group"
    signer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert signer.key_identifier == own.digest
    assert certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)


def test_an_authority_may_sign_and_nothing_else_may() -> None:
    for pem, may in ((authority(private_key()), True), (signed()["certPem"], False)):
        extensions = x509.load_pem_x509_certificate(pem.encode()).extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is may
        assert extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign is may


def test_a_foreign_key_cannot_sign() -> None:
    with pytest.raises(ValueError, match="not the key of caCertPem"):
        signed(caPrivateKeyPem=private_key())


def test_what_the_real_plugin_could_and_this_one_cannot_is_refused() -> None:
    with pytest.raises(ValueError, match="only makes ED25519"):
        make("PrivateKey", algorithm="RSA", rsaBits=1024)
    with pytest.raises(ValueError, match="only knows"):
        make("CertRequest", privateKeyPem=private_key(), subject={"country": "DE"})


@pytest.mark.parametrize(
    ("inputs", "begins", "named"),
    [
        ({"algorithm": "ECDSA", "ecdsaCurve": "P256"}, "EC PRIVATE", "ecdsa-sha2-nistp256 "),
        ({"algorithm": "RSA", "rsaBits": 2048}, "RSA PRIVATE", "ssh-rsa "),
    ],
    ids=["ecdsa", "rsa"],
)
def test_keys_are_readable_in_every_format(inputs: dict[str, Any], begins: str, named: str) -> None:
    made = make("PrivateKey", **inputs)
    traditional, pkcs8 = (
        load_pem_private_key(made[name].encode(), None).public_key()
        for name in ("privateKeyPem", "privateKeyPemPkcs8")
    )
    assert traditional == pkcs8
    assert made["privateKeyPem"].startswith(f"-----BEGIN {begins} KEY-----")
    assert made["publicKeyOpenssh"].startswith(named)


def test_an_ed25519_key_has_the_one_form_that_there_is_for_it() -> None:
    """As pulumi-tls writes it, so that the key of Secrets is read from both alike."""
    made = make("PrivateKey", algorithm="ED25519")
    assert made["privateKeyPem"] == made["privateKeyPemPkcs8"]
    assert len(base64.b64decode(secretbox_key(made["privateKeyPem"]))) == 32


def test_every_change_replaces_a_certificate_but_that_of_its_renewal() -> None:
    assert TLS.replaces("index:LocallySignedCert", "allowedUses")
    assert not TLS.replaces("index:LocallySignedCert", "earlyRenewalHours")


def test_a_certificate_is_replaced_in_its_renewal_period() -> None:
    end = datetime.now(UTC) + timedelta(hours=5)
    outputs = {"validityEndTime": end.isoformat(), "earlyRenewalHours": 4}
    assert TLS.worn_out(outputs) is None
    assert TLS.worn_out(outputs | {"earlyRenewalHours": 6}) == "readyForRenewal"
    assert TLS.worn_out({}) is None
