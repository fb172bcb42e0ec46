"""The local TLS authority behind Azure's names; only the local machine image trusts it."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

VALID = datetime.timedelta(days=3650)
CLOCK_SKEW = datetime.timedelta(minutes=5)


class Authority:
    """Keeps ca.crt and ca.key, and what it issues, in a directory for root only."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self._name = _name("Kilonode local Azure")
        self.certificate_file = directory / "ca.crt"
        if self.certificate_file.exists():
            key = load_pem_private_key((directory / "ca.key").read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._key = key
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            constraints = x509.BasicConstraints(ca=True, path_length=0)
            self._write("ca", self._name, self._key, constraints, [])

    def issue(self, name: str, subjects: Sequence[str]) -> tuple[Path, Path]:
        """Files of a fresh server certificate and its key. subjects: host names, also with a
        wildcard, and addresses."""
        constraints = x509.BasicConstraints(ca=False, path_length=None)
        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(name, _name(name), key, constraints, [_subject(one) for one in subjects])

    def server_context(self, name: str, subjects: Sequence[str]) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.issue(name, subjects))
        return context

    def _write(
        self,
        stem: str,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        constraints: x509.BasicConstraints,
        subjects: list[x509.GeneralName],
    ) -> tuple[Path, Path]:
        now = datetime.datetime.now(datetime.UTC)
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - CLOCK_SKEW,
            not_valid_after=now + VALID,
            extensions=[
                x509.Extension(constraints.oid, True, constraints),
                x509.Extension(signer.oid, False, signer),
                x509.Extension(own.oid, False, own),
            ],
        )
        if subjects:
            names = x509.SubjectAlternativeName(subjects)
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files = self._directory / f"{stem}.crt", self._directory / f"{stem}.key"
        # The key comes first: where the authority's certificate is, its key is.
        for file, content in zip(reversed(files), (secret, certificate), strict=True):
            draft = file.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_bytes(content)
            draft.replace(file)
        return files


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _subject(subject: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(subject))
    except ValueError:
        return x509.DNSName(subject)
