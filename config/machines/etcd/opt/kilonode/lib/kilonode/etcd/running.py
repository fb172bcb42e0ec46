"""What members tell that nobody leads, also those that serve no clients for want of a quorum."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kilonode import web
from kilonode.etcd.client import Client, EtcdError

_VALUE = re.compile(
    r"^(etcd_debugging_mvcc_current_revision|etcd_server_proposals_applied_total) (\S+)$",
    re.MULTILINE,
)
_SECONDS = 3.0


@dataclass(frozen=True)
class Running:
    """`applied`: index in the log of what `revision` is the outcome of. `cluster_id`: None if it
    serves no clients, and so does not tell."""

    address: str
    revision: int
    applied: int
    cluster_id: int | None


def members(client: Client, addresses: Iterable[str], metrics_port: int) -> list[Running]:
    """Those that run, all asked at once."""
    with ThreadPoolExecutor(max_workers=32) as pool:
        found = pool.map(lambda address: member(client, address, metrics_port), addresses)
        return [one for one in found if one]


def refuses(address: str, port: int) -> bool:
    """Whether the machine itself says that nobody listens: its etcd does not run.

    Silence says nothing: the machine is gone, or only the network to it.
    """
    try:
        socket.create_connection((address, port), _SECONDS).close()
    except OSError as error:
        return isinstance(error, ConnectionRefusedError)
    return False


def member(client: Client, address: str, metrics_port: int) -> Running | None:
    try:
        page, _ = web.exchange(f"http://{address}:{metrics_port}/metrics", {}, timeout=_SECONDS)
        values = {name: int(float(value)) for name, value in _VALUE.findall(page.decode())}
        revision = values["etcd_debugging_mvcc_current_revision"]
        applied = values["etcd_server_proposals_applied_total"]
    except (*web.ERRORS, KeyError):
        return None
    try:
        cluster_id = client.status(address).cluster_id
    except EtcdError:
        cluster_id = None
    return Running(address, revision, applied, cluster_id)
