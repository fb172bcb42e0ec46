"""etcdctl as masters use it: with the apiserver's certificate, on all members at once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Etcdctl:
    """How one of the clusters is asked. `pki` holds ca.crt, client.crt and client.key."""

    port: int
    pki: Path = Path("/etc/kilonode/pki/etcd")
    program: str = "/opt/kilonode/bin/etcdctl"
    seconds: int = 10

    def ask(self, addresses: Iterable[str], *command: str) -> subprocess.CompletedProcess[bytes]:
        """Runs the command on whichever of them answers; its JSON is in stdout."""
        endpoints = ",".join(f"https://{address}:{self.port}" for address in addresses)
        arguments = [
            self.program,
            f"--endpoints={endpoints}",
            f"--cacert={self.pki / 'ca.crt'}",
            f"--cert={self.pki / 'client.crt'}",
            f"--key={self.pki / 'client.key'}",
            f"--command-timeout={self.seconds}s",
            "--write-out=json",
            *command,
        ]
        return subprocess.run(arguments, capture_output=True)


MAIN = Etcdctl(2379)
EVENTS = Etcdctl(2381)
