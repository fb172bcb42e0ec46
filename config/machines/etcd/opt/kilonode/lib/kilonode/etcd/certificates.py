"""Until when this machine's certificates are valid."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

from kilonode.metrics import Sample


def samples(pki: Path) -> list[Sample]:
    """A moment for each, so that it stays true for as long as nobody looks again."""
    name = "kilonode_certificate_expiry_timestamp_seconds"
    return [Sample(name, _expiry(file), {"file": file.name}) for file in sorted(pki.glob("*.crt"))]


def _expiry(file: Path) -> int:
    """Raises subprocess.CalledProcessError if it is no certificate."""
    # Python reads no certificates but those that it meets on a connection.
    command = ("openssl", "x509", "-noout", "-enddate", "-in", str(file))
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return ssl.cert_time_to_seconds(shown.strip().removeprefix("notAfter="))
