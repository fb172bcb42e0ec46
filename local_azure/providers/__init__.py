"""The plugins that the Pulumi engine talks to, as gRPC servers of one process.

The daemon calls `start(store, backend)` from `local_azure.providers.serve`:

    start(store: Store, backend: Backend) -> dict[str, int]

It starts the azure-native, tls and kubernetes plugins on free ports of 127.0.0.1 in background
threads and gives plugin name -> port. The executables in `local_azure/bin` serve one each.
"""
