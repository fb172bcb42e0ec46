"""Code that runs as it would in a Pulumi program, under mocks."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pulumi.runtime import mocks, stack

T = TypeVar("T")


def in_a_program(
    answers: mocks.Mocks,
    body: Callable[[], Awaitable[T]],
    *,
    preview: bool = False,
    monitor: mocks.MockMonitor | None = None,
) -> T:
    """What `body` returns once everything that it declared is registered."""

    async def whole() -> T:
        try:
            return await body()
        finally:
            # Nothing may be left over for the next run, whose loop is another one.
            await stack.wait_for_rpcs()

    def run() -> T:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            mocks.set_mocks(
                answers, project="kilonode", stack="test", preview=preview, monitor=monitor
            )
            return loop.run_until_complete(whole())
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    # Pulumi keeps its state in context variables: each run gets a fresh set.
    return contextvars.copy_context().run(run)
