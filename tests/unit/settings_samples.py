"""Settings to change one thing of."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from typing import Any

from config.settings import Settings, load

REMOVED = object()

_RAW: Mapping[str, Any] = {
    "location": "westeurope",
    "subscriptionId": "00000000-0000-4000-8000-000000000001",
    "tenantId": "00000000-0000-4000-8000-00000000000a",
    "clusterName": "test",
    "image": {"version": "24.04.202609040"},
    "sshPublicKey": "ssh-ed25519 "
    "AAAAC3NzaC1lZDI1NTE5AAAAIPP06IbKiKmudRToSBoj6pLyBAs5NkU5KbPlzvkTXX/t somebody",
    "network": {
        "cidr": "10.0.0.0/16",
        "subnets": {"etcd": "10.0.0.0/24", "masters": "10.0.1.0/24", "nodes": "10.0.2.0/23"},
        "podCidr": "10.64.0.0/14",
        "serviceCidr": "10.96.0.0/16",
    },
    "etcd": {
        "size": "Standard_L8s_v4",
        "main": {"members": ["a", "b", "c"]},
        "events": {"members": ["a", "b", "c"]},
    },
    "masters": {"size": "Standard_E20ds_v5", "members": ["a", "b", "c"]},
    "nodePools": {
        "cpu": {
            "size": "Standard_D16ds_v5",
            "scaleSets": {"a": {"nodes": 3, "maxNodes": 200}, "b": {"nodes": 0, "maxNodes": 200}},
        }
    },
    "artifacts": {"checksums": {"cri-dockerd": "c" * 64, "flannel": "f" * 64}},
}


def raw(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Settings that are accepted, but for `changes`: dotted key -> value, or REMOVED."""
    settings: dict[str, Any] = copy.deepcopy(dict(_RAW))
    for key, value in (changes or {}).items():
        *parents, last = key.split(".")
        section = settings
        for parent in parents:
            section = section.setdefault(parent, {})
        if value is REMOVED:
            del section[last]
        else:
            section[last] = value
    return settings


def settings(changes: Mapping[str, Any] | None = None) -> Settings:
    """`raw(changes)`, loaded."""
    return load(raw(changes))


def rsa_key(bits: int) -> str:
    """The public half of an RSA key of that length, as OpenSSH writes it."""
    numbers = [one.to_bytes(one.bit_length() // 8 + 1, "big") for one in (65537, 2**bits - 1)]
    fields = [b"ssh-rsa", *numbers]
    blob = b"".join(len(one).to_bytes(4, "big") + one for one in fields)
    return f"ssh-rsa {base64.b64encode(blob).decode()} somebody"
