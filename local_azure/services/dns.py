"""Azure's resolver at 168.63.129.16: CoreDNS with the names that exist in the store."""

from __future__ import annotations

import zlib
from pathlib import Path

from local_azure import fabric
from local_azure.arm.data import ACCOUNT, VAULT
from local_azure.arm.store import Store
from local_azure.services.children import Child, listens

VAULT_DOMAIN = "vault.azure.net"
BLOB_DOMAIN = "blob.core.windows.net"
MIRROR_HOST = "mirror.kilonode.internal"
# One registry answers for all: no two of them have a repository of the same name.
REGISTRY_HOSTS = ("registry.k8s.io", "quay.io")

COREFILE = """\
. {{
    bind {address}
    file {zone} {{
        reload 500ms
    }}
    errors
}}
"""


class Resolver:
    def __init__(self, store: Store, directory: Path, program: Path, log: Path) -> None:
        self._store = store
        self._zone = directory / "zone"
        self.reconcile()
        corefile = directory / "Corefile"
        corefile.write_text(COREFILE.format(address=fabric.DNS, zone=self._zone))
        self._child = Child([str(program), "-conf", str(corefile)], log)
        self._child.wait(lambda: listens(fabric.DNS, 53))

    def reconcile(self) -> None:
        content = zone(self._store)
        if not self._zone.exists() or self._zone.read_text() != content:
            draft = self._zone.with_suffix(".draft")
            draft.write_text(content)
            draft.replace(self._zone)

    def stop(self) -> None:
        self._child.stop()


def zone(store: Store) -> str:
    """The root zone: names that it lacks are NXDOMAIN, for there is no internet."""
    vaults = [f"{one.name.lower()}.{VAULT_DOMAIN}" for one in store.list(VAULT)]
    accounts = [f"{one.name}.{BLOB_DOMAIN}" for one in store.list(ACCOUNT)]
    addresses = {
        MIRROR_HOST: fabric.MIRROR,
        **dict.fromkeys(REGISTRY_HOSTS, fabric.REGISTRY),
        **dict.fromkeys(vaults, fabric.VAULT),
        **dict.fromkeys(accounts, fabric.BLOB),
    }
    records = "".join(f"{name}. 5 IN A {address}\n" for name, address in addresses.items())
    serial = zlib.crc32(records.encode())  # CoreDNS reads the file again when this has changed
    authority = f"ns.kilonode.internal. root.kilonode.internal. {serial} 5 5 5 5"
    return f". 5 IN SOA {authority}\n. 5 IN NS ns.kilonode.internal.\n{records}"
