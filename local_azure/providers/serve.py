"""Starts the plugins: all three in the daemon, or one as a process of the engine's."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from pathlib import Path

from local_azure.arm.backend import Backend, PlanBackend
from local_azure.arm.store import Store
from local_azure.providers import protocol
from local_azure.providers.azure_native import AzureNative
from local_azure.providers.kubernetes import Echo, Kubernetes
from local_azure.providers.tls import Tls


def start(store: Store, backend: Backend) -> dict[str, int]:
    """Machine mode: every plugin on a free port of 127.0.0.1, served by background threads."""
    # Slow to import, and not needed in plan mode.
    from local_azure.providers.cluster import Live

    plugins = {
        "azure-native": AzureNative(store, backend),
        "tls": Tls(),
        "kubernetes": Kubernetes(Live),
    }
    return {name: protocol.start(plugin) for name, plugin in plugins.items()}


def main(program: str) -> None:
    """Plan mode: the plugin that the program's name ends in, until the engine is gone."""
    name = Path(program).name.removeprefix("pulumi-resource-")
    plugin: protocol.Plugin
    if name == "azure-native":
        plugin = AzureNative(Store(_state()), PlanBackend())
    else:
        plugin = Tls() if name == "tls" else Kubernetes(Echo)
    engine = os.getppid()
    print(protocol.start(plugin), flush=True)
    while os.getppid() == engine:
        time.sleep(1)
    # At once: a request that nobody waits for any more must not hold it.
    os._exit(0)


def _state() -> Path:
    """Without a place of its own, the state ends with the engine's run; a preview writes none."""
    if "KILONODE_STATE" in os.environ:
        return Path(os.environ["KILONODE_STATE"]) / "azure"
    return Path(tempfile.gettempdir()) / f"kilonode-{uuid.uuid4().hex}"
