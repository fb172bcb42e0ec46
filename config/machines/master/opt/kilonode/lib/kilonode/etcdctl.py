"""etcdctl as masters use it: with the apiserver's certificate, on all members at once."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_CONNECT_SECONDS = 2.0


@dataclass(frozen=True)
class Etcdctl:
    """How one of the clusters is asked. `pki` holds ca.crt, client.crt and client.key."""

    port: int
    pki: Path = Path("/etc/kilonode/pki/etcd")
    program: str = "/opt/kilonode/bin/etcdctl"
    seconds: int = 10

    def listening(self, addresses: Sequence[str]) -> list[str]:
        """Those at which anybody listens, all tried at once.

        Most addresses that a member can have are nobody's, and where no member is at all, etcdctl
        would find that out only when its own time is up.
        """
        with ThreadPoolExecutor(len(addresses)) as pool:
            listens = dict(zip(addresses, pool.map(self._listens, addresses), strict=True))
        return [address for address in addresses if listens[address]]

    def _listens(self, address: str) -> bool:
        try:
            socket.create_connection((address, self.port), _CONNECT_SECONDS).close()
        except OSError:
            return False
        return True

    def ask(self, addresses: Collection[str], *command: str) -> subprocess.CompletedProcess[bytes]:
        """Runs the command on whichever of them answers; its JSON is in stdout.

        Of no address at all the answer is a failure, too.
        """
        if not addresses:
            return subprocess.CompletedProcess(command, 1, b"", b"nobody listens at any address")
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

    def cluster_version(self, address: str) -> str:
        """As in 3.6.0; etcdctl itself tells only the versions of single members.

        Raises OSError, http.client.HTTPException, ValueError or KeyError.
        """
        tls = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        tls.load_cert_chain(self.pki / "client.crt", self.pki / "client.key")
        connection = http.client.HTTPSConnection(
            address, self.port, timeout=self.seconds, context=tls
        )
        with closing(connection):
            connection.request("GET", "/version")
            return str(json.loads(connection.getresponse().read())["etcdcluster"])


MAIN = Etcdctl(2379)
EVENTS = Etcdctl(2381)
