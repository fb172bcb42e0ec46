"""Runs aiohttp applications in a thread of their own, beside the daemon's gRPC threads."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from threading import Thread
from typing import Any

from aiohttp import web


class WebServers:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._runners: list[web.AppRunner] = []
        self._thread = Thread(target=self._loop.run_forever, name="web", daemon=True)
        self._thread.start()

    def serve(
        self,
        application: web.Application,
        address: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Returns the port, which is a free one for port 0. Raises OSError."""
        runner = web.AppRunner(application, access_log_format="%a %{Host}i %r %s %Tf")
        self._runners.append(runner)
        self._wait(runner.setup())
        self._wait(web.TCPSite(runner, address, port, ssl_context=tls, backlog=1024).start())
        return int(runner.addresses[0][1])

    def stop(self) -> None:
        for runner in self._runners:
            self._wait(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()
