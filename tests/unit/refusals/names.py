"""Names and keys."""

from __future__ import annotations

from config.checks import names
from tests.unit.refusals import Row
from tests.unit.settings_samples import rsa_key

ROWS = {
    "a cluster name that Azure's cloud provider refuses": Row(
        names.no_internal_cluster, {"clusterName": "a-internal"}, "clusterName", ["-internal"]
    ),
    "a cluster name with a trademark in it": Row(
        names.no_reserved_word, {"clusterName": "my-windows"}, "clusterName", ["`windows`"]
    ),
    "a cluster name whose storage account has a trademark in it": Row(
        names.no_reserved_word, {"clusterName": "win-dows"}, "clusterName", ["`windows`"]
    ),
    "a cluster name that starts with login": Row(
        names.no_reserved_word, {"clusterName": "login1"}, "clusterName", ["`login`"]
    ),
    "an SSH key that was cut off": Row(
        names.ssh_key_is_whole,
        {"sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPP0"},
        "sshPublicKey",
        ["paste the whole line"],
    ),
    "an SSH key that says one kind and is another": Row(
        names.ssh_key_is_whole,
        {"sshPublicKey": rsa_key(4096).replace("rsa", "ed25519", 1)},
        "sshPublicKey",
        ["2,048 bits"],
    ),
    "an RSA key that Azure finds too short": Row(
        names.ssh_key_is_whole,
        {"sshPublicKey": rsa_key(2047)},
        "sshPublicKey",
        ["2,048 bits", "ssh-keygen -t ed25519"],
    ),
}
