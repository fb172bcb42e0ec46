"""Whether the API answers from where the program runs."""

import asyncio
import base64
import json
import os
import ssl
import time
from collections.abc import Mapping, Sequence
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
    kubeconfig: pulumi.Output[str], after: Sequence[pulumi.Resource]
) -> pulumi.Output[str]:
    """`kubeconfig`, once `after` are done and its server answers. Fails if it does not.

    The provider itself would skip every change, and the update would end as one that went well.
    """
    if pulumi.runtime.is_dry_run() or os.environ.get(WITHOUT_API):
        return kubeconfig

    async def reached(values: Sequence[str]) -> str:
        await require(values[0])
        return values[0]

    return pulumi.Output.all(kubeconfig, *(one.urn for one in after)).apply(reached)


async def require(kubeconfig: str, seconds: float = _SECONDS) -> None:
    """Raises RunError, with the setting to change, unless its server answers in time."""
    cluster = json.loads(kubeconfig)["clusters"][0]["cluster"]
    end = time.monotonic() + seconds
    while not await _answers(cluster):
        if time.monotonic() > end:
            raise pulumi.RunError(_REMEDY.format(server=cluster["server"]))
        await asyncio.sleep(_PAUSE_SECONDS)


async def _answers(cluster: Mapping[str, str]) -> bool:
    address = urlsplit(cluster["server"])
    # The whole handshake, since a proxy on the way may take any connection, TLS included.
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    connecting = asyncio.open_connection(
        address.hostname,
        address.port,
        ssl=ssl.create_default_context(cadata=authority),
        server_hostname=cluster["tls-server-name"],
    )
    try:
        _, writer = await asyncio.wait_for(connecting, _CONNECT_SECONDS)
    except OSError:
        # A timeout and a failed handshake are among these.
        return False
    writer.close()
    return True
