"""Makes certificate requests, honest and otherwise, for the tests of their reader and judge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

KEY = ec.generate_private_key(ec.SECP256R1())


def name(*, common: Sequence[str] = (), organization: Sequence[str] = ()) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, value) for value in organization]
        + [x509.NameAttribute(NameOID.COMMON_NAME, value) for value in common]
    )


def alternative_names(
    dns: Sequence[str] = (), addresses: Sequence[str] = ()
) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [x509.DNSName(value) for value in dns]
        + [x509.IPAddress(ip_address(value)) for value in addresses]
    )


def request(subject: x509.Name, *extensions: x509.ExtensionType) -> bytes:
    """A signed request, PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def plain(
    organization: str,
    common: str,
    dns: Sequence[str] = (),
    addresses: Sequence[str] = (),
) -> bytes:
    """A request as kubelets make it."""
    extensions = [alternative_names(dns, addresses)] if dns or addresses else []
    return request(name(common=[common], organization=[organization]), *extensions)


def self_signed(address: str) -> tuple[bytes, bytes]:
    """A certificate that vouches for itself at this address, and its key; PEM."""
    subject = name(common=[address])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, KEY.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(alternative_names(addresses=[address]), critical=False)
        .sign(KEY, hashes.SHA256())
    )
    key = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key
