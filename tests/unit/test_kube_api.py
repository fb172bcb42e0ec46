"""Requests to the API server: one connection, which may end at any time."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError

import pytest
from kilonode.kube_api import KubeApi

from tests.unit.certificate_requests import self_signed


class Server(ThreadingHTTPServer):
    """Answers every path with its own name; /status/CODE with that status. /end is answered, and
    the connection closed without a word of it."""

    daemon_threads = True

    def __init__(self, certificate: Path, key: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections = 0
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self.socket = tls.wrap_socket(self.socket, server_side=True)

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = int(self.path.split("/")[-1]) if self.path.startswith("/status/") else 200
        if self.path.startswith("/watch"):
            body = b'{"type": "ADDED"}\n{"type": "DELETED"}\n'
        else:
            body = json.dumps(self.path).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path == "/end"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    for name, content in zip(("crt", "key"), self_signed("127.0.0.1"), strict=True):
        (tmp_path / name).write_bytes(content)
    with Server(tmp_path / "crt", tmp_path / "key") as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def api(server: Server, tmp_path: Path) -> Iterator[KubeApi]:
    files = (tmp_path / "crt", tmp_path / "crt", tmp_path / "key")
    opened = KubeApi(f"https://127.0.0.1:{server.server_port}", *files)
    yield opened
    opened.close()


def test_many_requests_are_one_handshake(server: Server, api: KubeApi) -> None:
    """Nodes that wait for a certificate would otherwise keep the apiservers busy with TLS alone."""
    for _ in range(3):
        assert api.request("GET", "/x") == "/x"
    with pytest.raises(HTTPError, match="409"):
        api.request("GET", "/status/409")
    assert api.request("GET", "/y") == "/y"
    assert server.connections == 1


def test_a_connection_that_the_server_has_ended_is_made_again(server: Server, api: KubeApi) -> None:
    for _ in range(2):
        assert api.request("GET", "/end") == "/end"
    assert api.request("GET", "/x") == "/x"
    assert server.connections == 3


def test_a_credential_that_is_refused_is_read_again(server: Server, api: KubeApi) -> None:
    """It may have been renewed on disk since the connection was made."""
    with pytest.raises(HTTPError, match="401"):
        api.request("GET", "/status/401")
    assert api.request("GET", "/x") == "/x"
    assert server.connections == 2


def test_a_watch_goes_on_beside_requests(api: KubeApi) -> None:
    events = api.watch("/watch", 5)
    assert next(events) == {"type": "ADDED"}
    assert api.request("GET", "/x") == "/x"
    assert [event["type"] for event in events] == ["DELETED"]
