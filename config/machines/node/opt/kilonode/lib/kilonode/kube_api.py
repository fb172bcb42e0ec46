"""The Kubernetes API over one client certificate, with nothing but the standard library."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

CERTIFICATE_REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


class KubeApi:
    """Requests to the API server. They raise OSError (an HTTPError for a refusal)."""

    def __init__(self, server: str, authority: Path, certificate: Path, key: Path) -> None:
        self._server = server
        self._authority = authority
        self._certificate = certificate
        self._key = key

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The parsed JSON answer."""
        with self._open(method, path, body, timeout=30) as response:
            return json.load(response)

    def watch(self, path: str, seconds: int) -> Iterator[dict[str, Any]]:
        """Events ({type, object}) for `seconds`, those of all present objects first."""
        query = f"{path}?watch=true&timeoutSeconds={seconds}"
        with self._open("GET", query, None, timeout=seconds + 30) as response:
            for line in response:
                yield json.loads(line)

    def _open(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeout: float
    ) -> HTTPResponse:
        # Made anew, since certificates are renewed on disk.
        tls = ssl.create_default_context(cafile=str(self._authority))
        tls.load_cert_chain(self._certificate, self._key)
        request = urllib.request.Request(
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        # The API server is in the cluster's own network, so never behind a proxy.
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=tls), urllib.request.ProxyHandler({})
        )
        response: HTTPResponse = opener.open(request, timeout=timeout)
        return response
