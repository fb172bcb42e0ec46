"""A program that cannot reach the API says which setting to change."""

import asyncio
import ssl
from pathlib import Path

import pulumi
import pytest

from components.reach import explain_unreachable
from local_azure.services.authority import Authority

FAILURE = pulumi.ErrorHookArgs(urn="urn", id="", name="prod-dns-account", type="ServiceAccount")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", texts.append)
    return texts


async def fail_before(context: ssl.SSLContext | None) -> bool:
    """Fails in front of a server, with TLS if `context`; returns whether to try again."""

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        return await explain_unreachable(f"https://127.0.0.1:{port}")(FAILURE)


def test_an_api_out_of_reach_is_explained_with_the_setting(said: list[str]) -> None:
    assert asyncio.run(fail_before(None)) is False
    (text,) = said
    assert "https://127.0.0.1:" in text
    assert "does not answer from here" in text
    assert "kilonode:api.public.allowedRanges" in text


def test_a_failure_of_an_api_in_reach_is_left_to_itself(tmp_path: Path, said: list[str]) -> None:
    authority = Authority(tmp_path / "ca")
    context = authority.server_context("kubernetes", ["kubernetes"])
    assert asyncio.run(fail_before(context)) is False
    assert said == []
