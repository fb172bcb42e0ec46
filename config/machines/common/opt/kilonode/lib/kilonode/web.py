"""HTTP requests that are tried again for as long as it makes sense."""

from __future__ import annotations

import http.client
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import TypeVar

from kilonode.machine import say

Result = TypeVar("Result")

# Neither the metadata service nor a vault or a store of the same region is behind a proxy.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_LONGEST_PAUSE = 60.0

# What a request fails with: no connection, no answer in time, an error status (all of them
# OSError), or an answer that is cut off or not what it should be.
ERRORS = (OSError, http.client.HTTPException, ValueError)


def exchange(
    url: str,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    body: bytes | None = None,
    timeout: float = 10,
) -> tuple[bytes, http.client.HTTPMessage]:
    """Body and headers of the answer. Raises one of ERRORS; HTTPError for status 400 up."""
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)
    with _DIRECT.open(request, timeout=timeout) as response:
        return response.read(), response.headers


def send(url: str, headers: Mapping[str, str]) -> bytes:
    """The body of the answer to a GET. Raises as `exchange` does."""
    return exchange(url, headers)[0]


def retry(what: str, attempt: Callable[[], Result], patience: float | None) -> Result:
    """What `attempt` returns, once it raises none of ERRORS.

    The pauses grow up to a minute and are jittered, so that a thousand machines do not ask again
    at once. Raises the last error after `patience` seconds; None never gives up.
    """
    deadline = None if patience is None else time.monotonic() + patience
    pause = 1.0
    while True:
        try:
            return attempt()
        except ERRORS as error:
            wait = _requested_pause(error) or random.uniform(pause / 2, pause)
            if deadline is not None and time.monotonic() + wait > deadline:
                raise
            where = f"{error.url}: " if isinstance(error, urllib.error.HTTPError) else ""
            say(f"{what}: {where}{error}; asking again in {wait:.0f} s")
        time.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _requested_pause(error: Exception) -> float | None:
    """Seconds that the server asked for; Azure sends no dates in Retry-After."""
    if not isinstance(error, urllib.error.HTTPError):
        return None
    value = error.headers.get("Retry-After", "")
    return float(value) + random.random() if value.isdigit() else None
