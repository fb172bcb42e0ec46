"""An update that cannot reach the API says which setting to change, and does not go well."""

import asyncio
import base64
import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components import reach
from local_azure.services.authority import Authority
from tests.pulumi_runtime import in_a_program


def kubeconfig(server: str, authority: Authority) -> str:
    cluster = {
        "server": server,
        "tls-server-name": "kubernetes",
        "certificate-authority-data": base64.b64encode(
            authority.certificate_file.read_bytes()
        ).decode(),
    }
    return json.dumps({"clusters": [{"name": "test", "cluster": cluster}]})


async def require_in_front_of(context: ssl.SSLContext | None, authority: Authority) -> None:
    """Asks a server, with TLS if `context`, that `authority` should have signed."""

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        await reach.require(kubeconfig(f"https://127.0.0.1:{port}", authority), seconds=0)


class _Nothing(mocks.Mocks):
    def new_resource(self, args: Any) -> Any:
        raise AssertionError("nothing is created here")

    def call(self, args: Any) -> Any:
        raise AssertionError("nothing is looked up here")


def told(of: Callable[[], pulumi.Output[str]], *, preview: bool) -> Any:
    """What an output is in a program that previews or updates."""
    return in_a_program(_Nothing(), lambda: of().future(), preview=preview)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def reached(authority: Authority) -> Callable[[], pulumi.Output[str]]:
    text = kubeconfig("https://10.0.1.9:6443", authority)
    return lambda: reach.once_reached(pulumi.Output.from_input(text), [])


def test_an_api_out_of_reach_is_explained_with_the_setting(authority: Authority) -> None:
    with pytest.raises(pulumi.RunError, match="does not answer from here") as error:
        asyncio.run(require_in_front_of(None, authority))
    assert "https://127.0.0.1:" in str(error.value)
    assert "kilonode:api.public.allowedRanges" in str(error.value)
    assert "KILONODE_WITHOUT_API=true" in str(error.value)


def test_an_api_in_reach_is_no_hindrance(authority: Authority) -> None:
    context = authority.server_context("kubernetes", ["kubernetes"])
    asyncio.run(require_in_front_of(context, authority))


def test_a_proxy_that_answers_for_everybody_is_not_taken_for_the_api(
    authority: Authority, tmp_path: Path
) -> None:
    proxy = Authority(tmp_path / "proxy").server_context("kubernetes", ["kubernetes"])
    with pytest.raises(pulumi.RunError, match="does not answer from here"):
        asyncio.run(require_in_front_of(proxy, authority))


def test_every_update_asks_since_the_provider_would_skip_its_objects(
    monkeypatch: pytest.MonkeyPatch, reached: Callable[[], pulumi.Output[str]]
) -> None:
    asked: list[str] = []

    async def answers(cluster: Mapping[str, str]) -> bool:
        asked.append(cluster["server"])
        return True

    monkeypatch.setattr(reach, "_answers", answers)
    assert "10.0.1.9" in told(reached, preview=False)
    assert asked == ["https://10.0.1.9:6443"]


def test_neither_a_preview_nor_who_says_so_needs_the_api(
    monkeypatch: pytest.MonkeyPatch, reached: Callable[[], pulumi.Output[str]]
) -> None:
    async def answers(cluster: Mapping[str, str]) -> bool:
        raise AssertionError("nobody is asked")

    monkeypatch.setattr(reach, "_answers", answers)
    assert "10.0.1.9" in told(reached, preview=True)
    monkeypatch.setenv(reach.WITHOUT_API, "true")
    assert "10.0.1.9" in told(reached, preview=False)
