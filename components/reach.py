"""What to do when the API does not answer from where the program runs."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pulumi

_SECONDS = 10
_REMEDY = (
    "{server} does not answer from here. Run this inside the virtual network or one that is "
    "peered with it, or add the range that you come from to kilonode:api.public.allowedRanges"
)


def explain_unreachable(server: str) -> Callable[[pulumi.ErrorHookArgs], Awaitable[bool]]:
    """An error hook that names the setting to change if `server`, a URL, is out of reach.

    It only runs after a failure, and never asks for another try.
    """

    async def explain(_: pulumi.ErrorHookArgs) -> bool:
        if not await _answers(server):
            pulumi.log.error(_REMEDY.format(server=server))
        return False

    return explain


async def _answers(server: str) -> bool:
    address = urlsplit(server)
    # A handshake, since a proxy on the way may take any connection. Whose certificate it is does
    # not matter here: nothing is said to it.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connecting = asyncio.open_connection(address.hostname, address.port, ssl=context)
    try:
        _, writer = await asyncio.wait_for(connecting, _SECONDS)
    except OSError:
        # A timeout and a failed handshake are among these.
        return False
    writer.close()
    return True
