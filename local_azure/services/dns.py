"""Azure's resolver at 168.63.129.16: CoreDNS with the names that exist in the store."""

from __future__ import annotations

from pathlib import Path

from local_azure import fabric
from local_azure.arm.store import Store
from local_azure.services.children import Child, listens

VAULT_DOMAIN = "vault.azure.net"
BLOB_DOMAIN = "blob.core.windows.net"
MIRROR_HOST = "mirror.kilonode.internal"
REGISTRY_HOST = "registry.k8s.io"

COREFILE = """\
. {{
    bind {address}
    hosts {hosts} {{
        ttl 5
        reload 500ms
        fallthrough
    }}
    template ANY ANY {{
        rcode NXDOMAIN
        authority ". 5 IN SOA kilonode.internal. kilonode.internal. 1 5 5 5 5"
    }}
    errors
}}
"""


class Resolver:
    def __init__(self, store: Store, directory: Path, program: Path, log: Path) -> None:
        self._store = store
        self._hosts = directory / "hosts"
        self.reconcile()
        corefile = directory / "Corefile"
        corefile.write_text(COREFILE.format(address=fabric.DNS, hosts=self._hosts))
        self._child = Child([str(program), "-conf", str(corefile)], log)
        self._child.wait(lambda: listens(fabric.DNS, 53))

    def reconcile(self) -> None:
        """CoreDNS sees by itself that the file has changed."""
        content = "".join(f"{address} {name}\n" for name, address in names(self._store).items())
        if not self._hosts.exists() or self._hosts.read_text() != content:
            draft = self._hosts.with_suffix(".draft")
            draft.write_text(content)
            draft.replace(self._hosts)

    def stop(self) -> None:
        self._child.stop()


def names(store: Store) -> dict[str, str]:
    """Host names and their addresses. Every other name is NXDOMAIN: there is no internet."""
    vaults = store.list("keyvault:Vault")
    accounts = store.list("storage:StorageAccount")
    return {
        MIRROR_HOST: fabric.MIRROR,
        REGISTRY_HOST: fabric.REGISTRY,
        **{f"{vault.name.lower()}.{VAULT_DOMAIN}": fabric.VAULT for vault in vaults},
        **{f"{account.name}.{BLOB_DOMAIN}": fabric.BLOB for account in accounts},
    }
