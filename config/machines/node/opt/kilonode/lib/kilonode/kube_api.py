"""The Kubernetes API over one client certificate, with nothing but the standard library."""

from __future__ import annotations

import io
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

CERTIFICATE_REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
_UNAUTHORIZED = 401


class KubeApi:
    """Requests to the API server, one at a time. They raise one of web.ERRORS, an HTTPError for a
    refusal.

    Their connection is kept: where thousands of nodes ask, handshakes cost more than answers.
    """

    def __init__(self, server: str, authority: Path, certificate: Path, key: Path) -> None:
        self._server = server
        self._authority = authority
        self._certificate = certificate
        self._key = key
        self._kept: HTTPSConnection | None = None

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The parsed JSON answer."""
        if self._kept is not None:
            # The server ends connections of its own accord, too.
            with suppress(ConnectionError, HTTPException):
                return self._exchange(self._kept, method, path, body)
        self._kept = self._connect(timeout=30)
        return self._exchange(self._kept, method, path, body)

    def watch(self, path: str, seconds: int) -> Iterator[dict[str, Any]]:
        """Events ({type, object}) for `seconds`, those of all present objects first."""
        query = f"{path}?watch=true&timeoutSeconds={seconds}"
        connection = self._connect(timeout=seconds + 30)
        try:
            for line in self._answer(connection, "GET", query, None):
                yield json.loads(line)
        finally:
            connection.close()

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _connect(self, timeout: float) -> HTTPSConnection:
        # Made anew for each connection, since certificates are renewed on disk.
        tls = ssl.create_default_context(cafile=str(self._authority))
        tls.load_cert_chain(self._certificate, self._key)
        # Directly: the API server is in the cluster's own network, never behind a proxy.
        return HTTPSConnection(urlsplit(self._server).netloc, timeout=timeout, context=tls)

    def _exchange(
        self,
        connection: HTTPSConnection,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> Any:
        try:
            return json.loads(self._answer(connection, method, path, body).read())
        except HTTPError as error:
            if error.code == _UNAUTHORIZED:
                self.close()
            raise
        except (OSError, HTTPException):
            self.close()
            raise

    def _answer(
        self,
        connection: HTTPSConnection,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> HTTPResponse:
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, _HEADERS)
        response = connection.getresponse()
        if response.status >= 400:
            # Read, so that the connection can be used again.
            said = io.BytesIO(response.read())
            url = self._server + path
            raise HTTPError(url, response.status, response.reason, response.headers, said)
        return response
