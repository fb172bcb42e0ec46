"""Whether the API answers from where the program runs."""

import asyncio
import os
import ssl
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import pulumi

# Set where an update is to go on without the API: what is in the cluster then stays as it is.
WITHOUT_API = "KILONODE_WITHOUT_API"

_CONNECT_SECONDS = 10
# The load balancer has to see that the masters which were just made answer their probe.
_SECONDS = 120
_PAUSE_SECONDS = 5
_REMEDY = (
    "{server} does not answer from here. Run this inside the virtual network or one that is "
    "peered with it, or add the range that you come from to kilonode:api.public.allowedRanges. "
    f"To leave what is in the cluster as it is, set {WITHOUT_API}=true"
)


def once_reached(
    kubeconfig: pulumi.Output[str], server: str, after: Sequence[pulumi.Resource]
) -> pulumi.Output[str]:
    """`kubeconfig`, once `after` are done and `server`, a URL, answers. Fails if it does not.

    The provider itself would skip every change, and the update would end as one that went well.
    """
    if pulumi.runtime.is_dry_run() or os.environ.get(WITHOUT_API):
        return kubeconfig

    async def reached(values: Sequence[str]) -> str:
        await require(server)
        return values[0]

    return pulumi.Output.all(kubeconfig, *(one.urn for one in after)).apply(reached)


async def require(server: str, seconds: float = _SECONDS) -> None:
    """Raises RunError, with the setting to change, unless `server` answers in time."""
    end = time.monotonic() + seconds
    while not await _answers(server):
        if time.monotonic() > end:
            raise pulumi.RunError(_REMEDY.format(server=server))
        await asyncio.sleep(_PAUSE_SECONDS)


async def _answers(server: str) -> bool:
    address = urlsplit(server)
    # A handshake, since a proxy on the way may take any connection. Whose certificate it is does
    # not matter here: nothing is said to it.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connecting = asyncio.open_connection(address.hostname, address.port, ssl=context)
    try:
        _, writer = await asyncio.wait_for(connecting, _CONNECT_SECONDS)
    except OSError:
        # A timeout and a failed handshake are among these.
        return False
    writer.close()
    return True
