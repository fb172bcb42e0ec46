"""What answers machines at the names and addresses Azure gives them, inside the fabric."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from local_azure import fabric
from local_azure.arm.store import Store
from local_azure.services.access import Roles, Tokens
from local_azure.services.authority import Authority
from local_azure.services.blob import BlobService
from local_azure.services.dns import BLOB_DOMAIN, MIRROR_HOST, VAULT_DOMAIN, Resolver
from local_azure.services.imds import MachineIdentity, Machines, MetadataService
from local_azure.services.load_balancer import LoadBalancers
from local_azure.services.registry import Registry
from local_azure.services.servers import WebServers
from local_azure.services.vault import VaultService

__all__ = ["Authority", "MachineIdentity", "Machines", "Services", "start"]


class Services:
    """The running services. Call `reconcile` after every write to the store."""

    def __init__(self) -> None:
        self.servers = WebServers()
        self.followers: list[Callable[[], None]] = []
        self.programs: list[Resolver | Registry | LoadBalancers] = []
        self._lock = threading.Lock()

    def reconcile(self) -> None:
        with self._lock:
            for follow in self.followers:
                follow()

    def stop(self) -> None:
        for program in self.programs:
            program.stop()
        self.servers.stop()


def start(
    store: Store,
    state_dir: Path,
    bin_dir: Path,
    mirror_dir: Path,
    images_dir: Path,
    machines: Machines,
    image_root: Path,
) -> Services:
    """Starts all of them, in the network namespace of the calling process: the fabric's.

    bin_dir has coredns, registry and crane; images_dir the archives of the toolchain's images;
    image_root is the machine image's file system, for a host without HAProxy. The authority that
    machines must trust is state_dir/ca/ca.crt. Returns when everything answers; after an exception
    the process must end, and what it had started ends with it.
    """
    logs, private = state_dir / "logs", state_dir / "services"
    for directory in (logs, private):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _log_to(logs / "http.log")
    authority = Authority(state_dir / "ca")
    hosts = [f"*.{VAULT_DOMAIN}", f"*.{BLOB_DOMAIN}", MIRROR_HOST]
    tls = authority.server_context("services", hosts)
    tokens, roles = Tokens(private / "token.key"), Roles(store)
    blobs = BlobService(store, tokens, roles, state_dir / "blobs")
    mirror = web.Application()
    mirror.router.add_static("/", mirror_dir, follow_symlinks=True)

    services = Services()
    serve = services.servers.serve
    serve(MetadataService(store, machines, tokens).application(), fabric.METADATA, 80)
    serve(VaultService(store, tokens, roles).application(), fabric.VAULT, 443, tls)
    serve(blobs.application(), fabric.BLOB, 443, tls)
    serve(mirror, fabric.MIRROR, 443, tls)
    resolver = Resolver(store, private, bin_dir / "coredns", logs / "dns.log")
    registry = Registry(state_dir / "registry", bin_dir, authority, logs / "registry.log")
    registry.fill(images_dir)
    balancers = LoadBalancers(store, private, image_root, logs / "load-balancer.log")
    services.programs += [resolver, registry, balancers]
    services.followers += [roles.observe, blobs.reconcile, resolver.reconcile, balancers.reconcile]
    services.reconcile()
    return services


def _log_to(file: Path) -> None:
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("aiohttp")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
