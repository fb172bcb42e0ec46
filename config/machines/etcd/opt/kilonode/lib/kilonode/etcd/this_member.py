"""Who this machine is in its etcd cluster."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kilonode.machine import hostname

PKI = Path("/etc/kilonode/pki/etcd")


@dataclass(frozen=True)
class ThisMember:
    """`peers`: every other address that a member of this cluster can have.

    `learns`: it never becomes a voter, and only keeps a copy. `learner`: the address of the one
    that does, whether there is one or not.
    """

    name: str
    address: str
    client_port: int
    peer_port: int
    peers: tuple[str, ...]
    learns: bool = False
    learner: str = ""

    @property
    def peer_url(self) -> str:
        return f"https://{self.address}:{self.peer_port}"


def this_member(environment: Mapping[str, str]) -> ThisMember:
    candidates = environment["ETCD_CANDIDATES"].split()
    address = next(address for address in candidates if _is_local(address))
    return ThisMember(
        name=hostname(),
        address=address,
        client_port=int(environment["ETCD_CLIENT_PORT"]),
        peer_port=int(environment["ETCD_PEER_PORT"]),
        peers=tuple(candidate for candidate in candidates if candidate != address),
        learns=environment["ETCD_MEMBER_KIND"] == "learner",
        learner=environment["ETCD_LEARNER_ADDRESS"],
    )


def _is_local(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True
