"""How a pool is rolled and goes (docs/quickstart.md), under the real engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local_azure.arm.store import Resource
from tests.engine.conftest import QUIET, Stack, buildable

SIZE = "Standard_D16ds_v5"
EMPTY = {"nodes": 0, "maxNodes": 0}
CLOSED = {"nodes": 0, "maxNodes": 1}


def configure(stack: Stack, scale_sets: dict[str, Any] | None) -> None:
    """Gives the stack a pool `old` with these scale sets, or none such pool."""
    pools = {"old": {"size": SIZE, "scaleSets": scale_sets}} if scale_sets else {}
    stack.engine.prepare({**buildable("local"), "kilonode:nodePools": pools})


def scale_set(stack: Stack, name: str) -> Resource:
    (found,) = [each for each in stack.store.list() if each.id.endswith(f"/{name}")]
    return found


def scale(stack: Stack, name: str, capacity: int) -> None:
    """As the autoscaler does, or `az vmss scale`."""
    found = scale_set(stack, name)
    sku = found.properties["sku"] | {"capacity": capacity}
    stack.store.put(replace(found, properties=found.properties | {"sku": sku}))


def up(stack: Stack) -> list[tuple[str, str]]:
    before = len(stack.writes())
    stack.succeeds("up", *QUIET)
    return stack.writes()[before:]


def test_a_fixed_pool_is_rolled_and_the_autoscaler_brings_no_node_back(local: Stack) -> None:
    fixed = {"nodes": 2, "maxNodes": 2}
    configure(local, {"a": fixed})
    assert up(local) == [("PUT", "local-old-a")]
    configure(local, {"a": fixed, "b": fixed})
    assert up(local) == [("PUT", "local-old-b")]

    configure(local, {"a": CLOSED, "b": fixed})
    assert up(local) == [("PUT", "local-old-a")]
    closed = scale_set(local, "local-old-a").properties
    assert (closed["tags"]["min"], closed["tags"]["max"]) == ("0", "1")
    assert closed["sku"]["capacity"] == 2, "its nodes stay until they are drained"

    configure(local, {"a": EMPTY, "b": fixed})
    assert "local-old-a has capacity 2" in local.fails("up", *QUIET)
    scale(local, "local-old-a", 0)
    assert up(local) == [("PUT", "local-old-a")]
    configure(local, {"b": fixed})
    assert up(local) == [("DELETE", "local-old-a")]


def test_a_pool_goes_in_two_updates_and_with_nodes_not_at_all(local: Stack) -> None:
    """Its last set as much as any other; a key that is removed by mistake takes no node along."""
    configure(local, {"a": {"nodes": 1, "maxNodes": 3}})
    up(local)
    before = local.writes()
    configure(local, None)
    assert "protect" in local.fails("up", *QUIET)
    assert local.writes() == before

    scale(local, "local-old-a", 0)
    configure(local, {"a": EMPTY})
    assert up(local) == [("PUT", "local-old-a")]
    configure(local, None)
    assert up(local) == [("DELETE", "local-old-a")]
