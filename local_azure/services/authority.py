"""The local TLS authority behind Azure's names; only the local machine image trusts it."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

from local_azure.providers import certificates

VALID_HOURS = 10 * 365 * 24


class Authority:
    """Keeps ca.crt and ca.key, and what it issues, in a directory for root only."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self.certificate_file = directory / "ca.crt"
        # The certificate is written last: where it is, its key is.
        if not self.certificate_file.exists():
            asked = {
                "subject": {"commonName": "Kilonode local Azure"},
                "isCaCertificate": True,
                "privateKeyPem": self._new_key("ca"),
                "allowedUses": ["cert_signing", "digital_signature"],
                "validityPeriodHours": VALID_HOURS,
            }
            self._write("ca.crt", certificates.self_signed(asked)[1]["certPem"])

    def issue(
        self, name: str, hosts: Sequence[str], addresses: Sequence[str] = ()
    ) -> tuple[Path, Path]:
        """Files of a fresh server certificate and of its key. hosts may have wildcards."""
        request = {
            "subject": {"commonName": name},
            "privateKeyPem": self._new_key(name),
            "dnsNames": hosts,
            "ipAddresses": addresses,
        }
        asked = {
            "certRequestPem": certificates.request(request)[1]["certRequestPem"],
            "caCertPem": self.certificate_file.read_text(),
            "caPrivateKeyPem": (self._directory / "ca.key").read_text(),
            "allowedUses": ["server_auth", "digital_signature"],
            "validityPeriodHours": VALID_HOURS,
        }
        self._write(f"{name}.crt", certificates.locally_signed(asked)[1]["certPem"])
        return self._directory / f"{name}.crt", self._directory / f"{name}.key"

    def server_context(self, name: str, hosts: Sequence[str]) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.issue(name, hosts))
        return context

    def _new_key(self, name: str) -> str:
        made = certificates.private_key({"algorithm": "ECDSA", "ecdsaCurve": "P256"})
        pem: str = made[1]["privateKeyPem"]
        self._write(f"{name}.key", pem)
        return pem

    def _write(self, name: str, pem: str) -> None:
        draft = self._directory / f"{name}.draft"
        draft.touch(mode=0o600)
        draft.write_text(pem)
        draft.replace(self._directory / name)
