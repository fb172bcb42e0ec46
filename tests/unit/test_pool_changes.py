"""The steps by which docs/quickstart.md rolls a pool and removes one: settings accept every one."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from config.scale_set_tags import scale_set_tags
from config.settings import Settings, load, raw_settings
from config.stack_file import REPOSITORY, configuration
from config.topology import topology

PROD = raw_settings(configuration("prod"))
POOLS: Mapping[str, Any] = PROD["nodePools"]
SETS = [(pool, key) for pool, wanted in POOLS.items() for key in wanted["scaleSets"]]


def declared() -> list[tuple[str, dict[str, int]]]:
    """What the quickstart declares, step by step: the key and the set."""
    text = (REPOSITORY / "docs/quickstart.md").read_text()
    _, steps = text.split("- **Roll a pool**")
    found = re.findall(r"`(\w+): ({nodes[^`]*})`", steps)
    return [(key, yaml.safe_load(written)) for key, written in found]


(NEW_KEY, _new), (_old, CLOSED), (_same, EMPTY) = declared()


def tags(settings: Settings, pool: str, key: str) -> tuple[int, int]:
    """The limits that the autoscaler reads from a set's tags."""
    (found,) = (
        each for each in topology(settings).node_sets if (each.pool, each.key) == (pool, key)
    )
    written = scale_set_tags(settings.cluster_name, found)
    return int(written["min"]), int(written["max"])


@pytest.mark.parametrize(("pool", "old"), SETS)
def test_every_set_of_prod_can_be_rolled_and_a_closed_one_gets_no_node_back(
    pool: str, old: str
) -> None:
    """A set keeps its limits until its tags say otherwise: drained, it would be filled again."""
    raw = copy.deepcopy(dict(PROD))
    sets = raw["nodePools"][pool]["scaleSets"]
    assert NEW_KEY not in sets, "the example would change a set that is there"
    sets[NEW_KEY] = sets[old]
    before = tags(load(raw), pool, old)
    sets[old] = CLOSED
    closed = load(raw)
    assert tags(closed, pool, old) == (0, 1)
    assert tags(closed, pool, NEW_KEY) == before
    sets[old] = EMPTY
    assert tags(load(raw), pool, old) == (0, 0)
    del sets[old]
    load(raw)


@pytest.mark.parametrize(("pool", "addon"), [("cpu", "balloons"), ("gpu", "gpu")])
def test_a_pool_can_be_emptied_and_removed(pool: str, addon: str) -> None:
    """Its last set as well, once no add-on is there for it."""
    raw = copy.deepcopy(dict(PROD))
    del raw["addons"][addon]
    for declared_set in (CLOSED, EMPTY):
        raw["nodePools"][pool]["scaleSets"] = dict.fromkeys(POOLS[pool]["scaleSets"], declared_set)
        load(raw)
    del raw["nodePools"][pool]
    assert {each.pool for each in topology(load(raw)).node_sets} == POOLS.keys() - {pool}
