"""The proxy that tells cloud-node-manager of its machine, and nobody of its identity."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import ThreadingHTTPServer
from urllib.error import HTTPError

import pytest
from kilonode import instance_metadata, web

SERVICE = "http://169.254.169.254"
INSTANCE = f"{SERVICE}/metadata/instance?format=json&api-version=2025-04-07"
ASKS = {"Metadata": "True"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs that reached the metadata service, which answers every one."""
    urls: list[str] = []

    def send(url: str, headers: Mapping[str, str]) -> bytes:
        assert headers == {"Metadata": "true"}
        urls.append(url)
        return json.dumps({"compute": {"vmSize": "Standard_D15_v2"}}).encode()

    monkeypatch.setattr(web, "send", send)
    return urls


@pytest.fixture
def through() -> Iterator[urllib.request.OpenerDirector]:
    """A client that has the proxy from its environment, as cloud-node-manager has it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), instance_metadata.Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    proxy = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{server.server_port}"})
    yield urllib.request.build_opener(proxy)
    server.shutdown()
    server.server_close()


def get(
    client: urllib.request.OpenerDirector, url: str, headers: Mapping[str, str] = ASKS
) -> bytes:
    with client.open(urllib.request.Request(url, headers=dict(headers)), timeout=10) as answer:
        body: bytes = answer.read()
    return body


def test_the_machines_description_is_passed_on(
    through: urllib.request.OpenerDirector, asked: list[str]
) -> None:
    assert json.loads(get(through, INSTANCE))["compute"]["vmSize"] == "Standard_D15_v2"
    assert asked == [INSTANCE]


@pytest.mark.parametrize(
    "url",
    [
        f"{SERVICE}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault",
        f"{SERVICE}/metadata/instance/../identity/oauth2/token",
        f"{SERVICE}/metadata/instance/%2e%2e/identity/oauth2/token",
        f"{SERVICE}//metadata/instance/identity",
        f"{SERVICE}/metadata/attested/document",
        f"{SERVICE}/metadata/scheduledevents",
        "http://169.254.169.254:81/metadata/instance",
        "http://somebody@169.254.169.254/metadata/instance",
        "http://168.63.129.16/metadata/instance",
    ],
)
def test_nothing_else_is(
    url: str, through: urllib.request.OpenerDirector, asked: list[str]
) -> None:
    """A token of the machine's identity reads the keys of its role."""
    with pytest.raises(HTTPError) as refused:
        get(through, url)
    assert refused.value.code == 403
    assert asked == []


def test_a_request_that_was_sent_here_unawares_is_refused(
    through: urllib.request.OpenerDirector, asked: list[str]
) -> None:
    with pytest.raises(HTTPError) as refused:
        get(through, INSTANCE, {})
    assert refused.value.code == 400
    assert asked == []


def test_a_service_that_is_too_busy_says_so(
    through: urllib.request.OpenerDirector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cloud-node-manager tries again by itself."""

    def send(url: str, headers: Mapping[str, str]) -> bytes:
        raise HTTPError(url, 429, "Too many requests", None, None)  # type: ignore[arg-type]

    monkeypatch.setattr(web, "send", send)
    with pytest.raises(HTTPError) as refused:
        get(through, INSTANCE)
    assert refused.value.code == 429
