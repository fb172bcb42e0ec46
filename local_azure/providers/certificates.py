"""What pulumi-tls makes, with the cryptography library: keys of three kinds, and X.509."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local_azure.arm.shapes import Properties

Made = tuple[str, Properties]

# For tokens that are shown to Microsoft Entra, which knows no ECDSA (AADSTS5002738).
_RSA_BITS = 2048

# pulumi-tls names some usages differently.
_USES = {"cert_signing": "key_cert_sign", "crl_signing": "crl_sign"}
_FLAGS = tuple(inspect.signature(x509.KeyUsage).parameters)
_NAMES = {"organization": NameOID.ORGANIZATION_NAME, "commonName": NameOID.COMMON_NAME}


def private_key(inputs: Properties) -> Made:
    asked = (inputs["algorithm"], inputs.get("ecdsaCurve"), inputs.get("rsaBits"))
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    own_format = PrivateFormat.TraditionalOpenSSL
    if asked == ("ECDSA", "P256", None):
        key = ec.generate_private_key(ec.SECP256R1())
    elif asked == ("RSA", None, _RSA_BITS):
        key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    elif asked == ("ED25519", None, None):
        # It has no older form of its own, so both texts are PKCS #8.
        key, own_format = ed25519.Ed25519PrivateKey.generate(), PrivateFormat.PKCS8
    else:
        raise ValueError(
            "the local tls plugin only makes ED25519 keys, ECDSA ones on the curve P256, and RSA "
            f"ones of {_RSA_BITS} bits"
        )
    private = {
        "privateKeyPem": own_format,
        "privateKeyPemPkcs8": PrivateFormat.PKCS8,
        "privateKeyOpenssh": PrivateFormat.OpenSSH,
    }
    made = {
        name: key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
        for name, form in private.items()
    }
    public = key.public_key()
    made["publicKeyPem"] = public.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()
    made["publicKeyOpenssh"] = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return _id(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)), made


def _id(der: bytes) -> str:
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def request(inputs: Properties) -> Made:
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(inputs))
    names = list(_alternative_names(inputs))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(_key(inputs["privateKeyPem"]), hashes.SHA256())
    pem = made.public_bytes(Encoding.PEM).decode()
    id = _id(made.public_bytes(Encoding.DER))
    return id, {"certRequestPem": pem, "keyAlgorithm": "ECDSA"}


def self_signed(inputs: Properties) -> Made:
    key, subject = _key(inputs["privateKeyPem"]), _subject(inputs)
    names = _alternative_names(inputs)
    id, made = _certificate(inputs, subject, key.public_key(), names, subject, key)
    return id, made | {"keyAlgorithm": "ECDSA"}


def locally_signed(inputs: Properties) -> Made:
    asked = x509.load_pem_x509_csr(inputs["certRequestPem"].encode())
    authority = x509.load_pem_x509_certificate(inputs["caCertPem"].encode())
    key, public = _key(inputs["caPrivateKeyPem"]), asked.public_key()
    if key.public_key() != authority.public_key():
        raise ValueError("caPrivateKeyPem is not the key of caCertPem")
    assert isinstance(public, ec.EllipticCurvePublicKey)
    names: Iterable[x509.GeneralName] = ()
    for extension in asked.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names = extension.value
    id, made = _certificate(inputs, asked.subject, public, names, authority.subject, key)
    return id, made | {"caKeyAlgorithm": "ECDSA"}


def _certificate(
    inputs: Properties,
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    names: Iterable[x509.GeneralName],
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
) -> Made:
    start = datetime.now(UTC).replace(microsecond=0)
    end = start + timedelta(hours=inputs["validityPeriodHours"])
    serial, authority = x509.random_serial_number(), bool(inputs.get("isCaCertificate"))
    builder = x509.CertificateBuilder(issuer, subject, public, serial, start, end)
    constraints = x509.BasicConstraints(ca=authority, path_length=None)
    builder = builder.add_extension(constraints, critical=True)
    for usage, critical in _usages(inputs["allowedUses"]):
        builder = builder.add_extension(usage, critical=critical)
    alternatives = list(names)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    if authority or inputs.get("setSubjectKeyId"):
        own = x509.SubjectKeyIdentifier.from_public_key(public)
        builder = builder.add_extension(own, critical=False)
    if issuer != subject:
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(signer, critical=False)
    made = builder.sign(key, hashes.SHA256())
    return str(serial), {
        "certPem": made.public_bytes(Encoding.PEM).decode(),
        "validityStartTime": start.isoformat(),
        "validityEndTime": end.isoformat(),
        "readyForRenewal": False,
    }


def _usages(allowed: list[str]) -> Iterable[tuple[x509.ExtensionType, bool]]:
    names = {_USES.get(use, use) for use in allowed}
    yield x509.KeyUsage(**{flag: flag in names for flag in _FLAGS}), True
    extended = [getattr(ExtendedKeyUsageOID, name.upper()) for name in sorted(names - set(_FLAGS))]
    if extended:
        yield x509.ExtendedKeyUsage(extended), False


def _subject(inputs: Properties) -> x509.Name:
    subject = inputs["subject"]
    if subject.keys() - _NAMES.keys():
        raise ValueError(f"the local tls plugin only knows {' and '.join(_NAMES)} of a subject")
    return x509.Name(
        [x509.NameAttribute(oid, subject[name]) for name, oid in _NAMES.items() if name in subject]
    )


def _alternative_names(inputs: Properties) -> Iterable[x509.GeneralName]:
    yield from (x509.DNSName(name) for name in inputs.get("dnsNames", []))
    yield from (x509.IPAddress(ip_address(text)) for text in inputs.get("ipAddresses", []))


def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
