"""Starts the plugins, all three in this process."""

from __future__ import annotations

from collections.abc import Callable

from local_azure.arm.backend import Backend
from local_azure.arm.store import Store
from local_azure.providers import protocol
from local_azure.providers.azure_native import AzureNative
from local_azure.providers.kubernetes import Cluster, Kubernetes
from local_azure.providers.tls import Tls


def start(store: Store, backend: Backend, connect: Callable[[str], Cluster]) -> dict[str, int]:
    """Serve every plugin on a free port of 127.0.0.1, in background threads.

    connect: gives the cluster of a kubeconfig. Returns ports by plugin name.
    """
    plugins = {
        "azure-native": AzureNative(store, backend),
        "tls": Tls(),
        "kubernetes": Kubernetes(connect),
    }
    return {name: protocol.start(plugin) for name, plugin in plugins.items()}
