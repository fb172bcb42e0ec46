"""What a machine's disk holds before its first boot, besides the base image."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
from pathlib import Path

from local_azure import fabric, paths
from local_azure.machines.spec import Spec

# What cloud-init's Azure data source adds for a resource disk (azure-facts: cc_mounts).
_MOUNT_OPTIONS = "defaults,nofail,x-systemd.after=cloud-init-network.service,_netdev"
_VENDOR_DATA = {
    "mounts": [["/dev/disk/cloud/azure_resource-part1", "/mnt", "auto", _MOUNT_OPTIONS, "0", "2"]]
}
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"


def user_data(custom_data: str) -> bytes:
    """Custom data as the machine's cloud-init gets it: base64 undone, and gzip."""
    data = base64.b64decode(custom_data)
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def sow(spec: Spec, upper: Path) -> None:
    """Write into the empty upper directory of the machine's file system."""
    seed = upper / "var/lib/cloud/seed/nocloud"
    seed.mkdir(parents=True)
    (seed / "user-data").write_bytes(user_data(spec.custom_data))
    (seed / "vendor-data").write_text("#cloud-config\n" + json.dumps(_VENDOR_DATA))
    (seed / "meta-data").write_text(
        json.dumps({"instance-id": spec.vm_id, "local-hostname": spec.hostname})
    )
    etc = upper / "etc"
    (upper / _CERTIFICATES).parent.mkdir(parents=True)
    (etc / "resolv.conf").write_text(f"nameserver {fabric.DNS}\n")
    (etc / "hostname").write_text(f"{spec.hostname}\n")
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {spec.hostname}\n")
    # The local authority signs for the vault, the storage account, the mirror and the registry.
    shutil.copy(Path(spec.image) / "root" / _CERTIFICATES, upper / _CERTIFICATES)
    authority = paths.state() / "ca/ca.crt"
    if authority.exists():
        with (upper / _CERTIFICATES).open("a") as bundle:
            bundle.write(authority.read_text())


def disk_links(upper: Path, device: str, own: str | None) -> None:
    """Azure's names for the resource disk (waagent's, cloud-init's udev rules) and for a managed
    one at LUN 0 (waagent's), at every boot."""
    rules = upper / "etc/tmpfiles.d/azure-resource-disk.conf"
    rules.parent.mkdir(parents=True, exist_ok=True)
    links = {
        f"{link}{suffix}": f"{device}{part}"
        for link in ("azure/resource", "cloud/azure_resource")
        for suffix, part in (("", ""), ("-part1", "p1"))
    }
    if own:
        links["azure/scsi1/lun0"] = own
    rules.write_text(
        "".join(f"L+ /dev/disk/{link} - - - - {target}\n" for link, target in links.items())
    )
