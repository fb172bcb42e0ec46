"""Certificate authorities and what they sign."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_tls as tls

_YEAR_HOURS = 365 * 24
# Changing an authority means replacing every certificate at once: a planned work, so it lasts
# for ten years and never renews by itself.
_AUTHORITY_HOURS = 10 * _YEAR_HOURS
# Machines read their bundle daily, so a certificate need not outlive a year. Any update in its
# last quarter renews it, well before anything expires.
_CERTIFICATE_HOURS = _YEAR_HOURS
_RENEWAL_HOURS = _YEAR_HOURS // 4

CLIENT = ("digital_signature", "client_auth")
SERVER = ("digital_signature", "server_auth")
PEER = ("digital_signature", "server_auth", "client_auth")


@dataclass(frozen=True)
class Credential:
    """A certificate and its key, both PEM; the key is a secret."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names: user (or host), group, and the names and addresses it serves."""

    common_name: str
    organization: str | None = None
    dns_names: Sequence[str] = ()
    ip_addresses: Sequence[str] = ()


def private_key(name: str, *, parent: pulumi.Resource) -> tls.PrivateKey:
    """An ECDSA P-256 key: short enough for a role's whole bundle to fit into 25 KB."""
    return tls.PrivateKey(
        name,
        algorithm="ECDSA",
        ecdsa_curve="P256",
        opts=pulumi.ResourceOptions(parent=parent),
    )


def signing_key(name: str, *, parent: pulumi.Resource) -> tls.PrivateKey:
    """A key for tokens: RSA, since Microsoft Entra takes no token that is signed with another."""
    return tls.PrivateKey(
        name, algorithm="RSA", rsa_bits=2048, opts=pulumi.ResourceOptions(parent=parent)
    )


def _secret_key(name: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    # Secret by our own word, not only by the plugin's.
    return pulumi.Output.secret(private_key(name, parent=parent).private_key_pem)


class Authority:
    """A certificate authority whose resources, like all it signs, are children of `parent`."""

    credential: Credential
    ends: list[pulumi.Output[str]]

    def __init__(self, name: str, common_name: str, *, parent: pulumi.Resource) -> None:
        self._parent = parent
        self.ends = []
        key = _secret_key(f"{name}-key", parent)
        certificate = tls.SelfSignedCert(
            name,
            private_key_pem=key,
            is_ca_certificate=True,
            allowed_uses=["cert_signing", "crl_signing", "digital_signature"],
            validity_period_hours=_AUTHORITY_HOURS,
            set_subject_key_id=True,
            subject=tls.SelfSignedCertSubjectArgs(common_name=common_name),
            opts=pulumi.ResourceOptions(parent=parent),
        )
        self.credential = Credential(certificate.cert_pem, key)

    def issue(self, name: str, subject: Subject, uses: Sequence[str]) -> Credential:
        """A new key and a certificate for it, as resources called `name`…"""
        key = _secret_key(f"{name}-key", self._parent)
        request = tls.CertRequest(
            f"{name}-request",
            private_key_pem=key,
            subject=tls.CertRequestSubjectArgs(
                common_name=subject.common_name, organization=subject.organization
            ),
            dns_names=list(subject.dns_names) or None,
            ip_addresses=list(subject.ip_addresses) or None,
            opts=pulumi.ResourceOptions(parent=self._parent),
        )
        certificate = tls.LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_cert_pem=self.credential.certificate,
            ca_private_key_pem=self.credential.key,
            allowed_uses=list(uses),
            validity_period_hours=_CERTIFICATE_HOURS,
            early_renewal_hours=_RENEWAL_HOURS,
            set_subject_key_id=True,
            opts=pulumi.ResourceOptions(parent=self._parent),
        )
        self.ends.append(certificate.validity_end_time)
        return Credential(certificate.cert_pem, key)
