"""Bad settings are refused by the preview, in words that help, before anything is planned."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.conftest import project

# What gzip cannot make small.
NOISE = "".join(random.Random(0).choices(string.ascii_letters + string.digits, k=100_000))
# What is looked at in one go -> changes to prod's settings.
BAD: dict[str, Mapping[str, Any]] = {
    "keys and values alone": {
        "network.natAdresses": 2,
        "clusterName": "Prod_1",
        "network.natAddresses": 17,
    },
    "values beside each other": {
        # Overlaps the virtual network.
        "network.serviceCidr": "10.0.0.0/16",
        # Too small for the nodes, as the blocks of pod addresses are too few.
        "network.subnets.nodes": "10.0.64.0/24",
        "network.podCidr": "10.64.0.0/14",
        "etcd.main.members": ["a", "b"],
        "masters.members": ["a"],
        "nodePools.cpu.scaleSets.a.nodes": 1001,
        "masters.size": "Standard_E20ds_v55",
    },
    "what becomes of them": {"extraArgs.kube-apiserver": [f"--v={NOISE}"]},
}
# Whose message names another key than the one that is wrong: whose user data is over the limit.
NAMED = {"extraArgs.kube-apiserver": "masters"}


@pytest.mark.parametrize("what", BAD)
def test_a_preview_refuses_all_that_is_wrong_in_one_go(what: str, tmp_path: Path) -> None:
    stack = project("prod", tmp_path)
    document = yaml.safe_load(stack.engine.configuration.read_text())
    for dotted, value in BAD[what].items():
        *parents, last = f"kilonode:{dotted}".split(".")
        section = document["config"]
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = value
    stack.engine.configuration.write_text(yaml.safe_dump(document))
    shown = stack.fails("preview")
    for key in BAD[what]:
        said = re.search(rf"^.*kilonode:{NAMED.get(key, key)}\b.*$", shown, re.MULTILINE)
        assert said, f"{key}: {shown}"
        assert re.search(r"limit: .*; remedy: ", said[0]), "a person has to know what to do"
    assert "Traceback" not in shown
    assert stack.writes() == []
