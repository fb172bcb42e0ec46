"""Many requests to an apiserver, without a process for each."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from pathlib import Path
from threading import local
from typing import Any

from config.topology import API_PORT


class RefusedError(Exception):
    """The API's answer was no. status: HTTP's."""

    def __init__(self, status: int, said: bytes) -> None:
        super().__init__(f"{status}: {said[:300]!r}")
        self.status = status


class Client:
    """The API as the user of a kubeconfig, over one connection a thread."""

    def __init__(self, address: str, kubeconfig: Path) -> None:
        content = json.loads(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        # Python reads keys from files alone.
        pem = kubeconfig.with_suffix(".pem")
        pem.touch(mode=0o600)
        pem.write_bytes(
            base64.b64decode(user["client-certificate-data"])
            + base64.b64decode(user["client-key-data"])
        )
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=authority)
        self._tls.load_cert_chain(pem)
        self._address = address
        self._threads = local()

    def send(
        self, method: str, path: str, body: object = None, kind: str = "application/json"
    ) -> Any:
        """The answer's JSON. Raises RefusedError."""
        return json.loads(self.raw(method, path, body, kind))

    def raw(
        self, method: str, path: str, body: object = None, kind: str = "application/json"
    ) -> bytes:
        """As `send`, unread."""
        if not hasattr(self._threads, "connection"):
            self._threads.connection = http.client.HTTPSConnection(
                self._address, API_PORT, context=self._tls
            )
        connection: http.client.HTTPSConnection = self._threads.connection
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RefusedError(answer.status, text)
        return text
