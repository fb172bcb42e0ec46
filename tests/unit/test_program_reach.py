"""An update that cannot reach the API says which setting to change, and does not go well."""

import asyncio
import contextvars
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, stack

from components import reach
from local_azure.services.authority import Authority


async def require_in_front_of(context: ssl.SSLContext | None) -> None:
    """Asks a server, with TLS if `context`."""

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        await reach.require(f"https://127.0.0.1:{port}", seconds=0)


def in_a_program(preview: bool, of: Callable[[], pulumi.Output[str]]) -> Any:
    """What an output is in a program that previews or updates."""

    def run() -> Any:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            mocks.set_mocks(_Nothing(), preview=preview)
            try:
                return loop.run_until_complete(of().future())
            finally:
                # Nothing may be left over for the next test, whose loop is another one.
                loop.run_until_complete(stack.wait_for_rpcs())
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    return contextvars.copy_context().run(run)


class _Nothing(mocks.Mocks):
    def new_resource(self, args: Any) -> Any:
        raise AssertionError("nothing is created here")

    def call(self, args: Any) -> Any:
        raise AssertionError("nothing is looked up here")


def kubeconfig() -> pulumi.Output[str]:
    return reach.once_reached(pulumi.Output.from_input("kubeconfig"), "https://10.0.1.9:6443", [])


def test_an_api_out_of_reach_is_explained_with_the_setting() -> None:
    with pytest.raises(pulumi.RunError, match="does not answer from here") as error:
        asyncio.run(require_in_front_of(None))
    assert "https://127.0.0.1:" in str(error.value)
    assert "kilonode:api.public.allowedRanges" in str(error.value)
    assert "KILONODE_WITHOUT_API=true" in str(error.value)


def test_an_api_in_reach_is_no_hindrance(tmp_path: Path) -> None:
    context = Authority(tmp_path / "ca").server_context("kubernetes", ["kubernetes"])
    asyncio.run(require_in_front_of(context))


def test_every_update_asks_since_the_provider_would_skip_its_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def answers(server: str) -> bool:
        asked.append(server)
        return True

    monkeypatch.setattr(reach, "_answers", answers)
    assert in_a_program(preview=False, of=kubeconfig) == "kubeconfig"
    assert asked == ["https://10.0.1.9:6443"]


def test_neither_a_preview_nor_who_says_so_needs_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers(server: str) -> bool:
        raise AssertionError("nobody is asked")

    monkeypatch.setattr(reach, "_answers", answers)
    assert in_a_program(preview=True, of=kubeconfig) == "kubeconfig"
    monkeypatch.setenv(reach.WITHOUT_API, "true")
    assert in_a_program(preview=False, of=kubeconfig) == "kubeconfig"
