"""Masters publish the keys of the cluster's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from kilonode import metadata, token_issuer, web

ISSUER = "https://account.blob.core.windows.net/issuer"


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Answers with the path that it is asked for."""
    program = tmp_path / "kubectl"
    program.write_text('#!/bin/sh\necho "{\\"asked\\": \\"$3\\"}"\n')
    program.chmod(0o755)
    monkeypatch.setattr(token_issuer, "_KUBECTL", (str(program),))
    return program


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Blobs by URL."""
    blobs: dict[str, str] = {}

    def exchange(url: str, headers: Mapping[str, str], *, method: str, body: bytes) -> None:
        assert method == "PUT"
        assert headers["Authorization"] == "Bearer token for https://storage.azure.com"
        assert headers["x-ms-blob-type"] == "BlockBlob"
        assert headers["Content-Type"] == "application/json"
        blobs[url] = body.decode().strip()

    monkeypatch.setattr(web, "exchange", exchange)
    monkeypatch.setattr(metadata, "token", lambda resource: f"token for {resource}")
    return blobs


def test_azure_finds_both_documents_where_the_standard_puts_them(
    kubectl: Path, written: dict[str, str]
) -> None:
    token_issuer.publish(ISSUER)
    paths = ("/.well-known/openid-configuration", "/openid/v1/jwks")
    assert written == {ISSUER + path: f'{{"asked": "{path}"}}' for path in paths}


def test_an_apiserver_that_does_not_answer_leaves_what_is_published(
    kubectl: Path, written: dict[str, str]
) -> None:
    kubectl.write_text("#!/bin/sh\necho no server >&2\nexit 1\n")
    with pytest.raises(OSError, match="no server"):
        token_issuer.publish(ISSUER)
    assert written == {}
