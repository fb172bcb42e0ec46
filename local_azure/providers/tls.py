"""The tls plugin: keys and certificates, made once and kept in the engine's state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from local_azure.arm.shapes import Properties
from local_azure.providers.protocol import Plugin


class Tls(Plugin):
    package = "tls"
    # Old and new stand side by side until nobody uses the old one.
    deletes_first = False

    def replaces(self, type: str, path: str) -> bool:
        """A certificate says what it was asked for; only the date of its renewal is ours."""
        return path != "earlyRenewalHours"

    def worn_out(self, outputs: Properties) -> str | None:
        if "validityEndTime" not in outputs:
            return None
        end = datetime.fromisoformat(outputs["validityEndTime"])
        early = timedelta(hours=outputs.get("earlyRenewalHours", 0))
        return "readyForRenewal" if end - early < datetime.now(UTC) else None

    def preview(self, type: str, inputs: Properties, outputs: Properties) -> Properties:
        return outputs | inputs

    def create(self, type: str, inputs: Properties) -> tuple[str, Properties]:
        # Not needed for a preview, and slow to import.
        from local_azure.providers import certificates

        makers = {
            "PrivateKey": certificates.private_key,
            "SelfSignedCert": certificates.self_signed,
            "CertRequest": certificates.request,
            "LocallySignedCert": certificates.locally_signed,
        }
        id, made = makers[type.rpartition(":")[2]](inputs)
        return id, inputs | made

    def update(self, type: str, id: str, inputs: Properties, outputs: Properties) -> Properties:
        return outputs | {"earlyRenewalHours": 0} | inputs
