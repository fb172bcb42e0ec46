"""Bad settings are refused by the preview, in words that help, before anything is planned."""

from __future__ import annotations

import random
import re
import string
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.conftest import project

# What gzip cannot make small.
NOISE = "".join(random.Random(0).choices(string.ascii_letters + string.digits, k=100_000))
# What is wrong -> the change to prod's settings, and the key that the message has to name.
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "overlapping ranges": ({"network.serviceCidr": "10.0.0.0/16"}, "network.serviceCidr"),
    "a node subnet that is too small": (
        {"network.subnets.nodes": "10.0.64.0/24"},
        "network.subnets.nodes",
    ),
    "an even number of etcd members": ({"etcd.main.members": ["a", "b"]}, "etcd.main.members"),
    "one master": ({"masters.members": ["a"]}, "masters.members"),
    "a pool above its scale sets' sum": (
        {"nodePools.cpu.maxNodes": 2001},
        "nodePools.cpu.maxNodes",
    ),
    "fewer blocks of pod addresses than nodes": (
        {"network.podCidr": "10.64.0.0/14"},
        "network.podCidr",
    ),
    "an unknown size": ({"masters.size": "Standard_E20ds_v55"}, "masters.size"),
    "an unknown key": ({"network.natAdresses": 2}, "network.natAdresses"),
    "a cluster name that Azure refuses": ({"clusterName": "Prod_1"}, "clusterName"),
    "user data over Azure's limit": ({"extraArgs.kube-apiserver": [f"--v={NOISE}"]}, "masters"),
    "more NAT addresses than a gateway has": ({"network.natAddresses": 17}, "network.natAddresses"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_preview_refuses(what: str, tmp_path: Path) -> None:
    changes, key = BAD[what]
    stack = project("prod", tmp_path)
    document = yaml.safe_load(stack.engine.configuration.read_text())
    for dotted, value in changes.items():
        *parents, last = f"kilonode:{dotted}".split(".")
        section = document["config"]
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = value
    stack.engine.configuration.write_text(yaml.safe_dump(document))
    shown = stack.fails("preview")
    line = next((line for line in shown.splitlines() if f"kilonode:{key}" in line), None)
    assert line, shown
    assert re.search(r"limit: .*; remedy: ", line), "a person has to know what to do"
    assert "Traceback" not in shown
    assert stack.writes() == []
