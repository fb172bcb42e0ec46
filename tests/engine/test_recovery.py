"""An engine that was killed in the middle of a creation: the next run goes on from there."""

from __future__ import annotations

import json

from commands.recovery import recover
from tests.engine.conftest import QUIET, Stack


def test_what_a_killed_engine_had_created_is_adopted(local: Stack) -> None:
    """Azure refuses to create it again, and nobody but the engine knows that it is wanted."""
    file = local.engine.home / "backend/.pulumi/stacks/kilonode/local.json"
    state = json.loads(file.read_text())
    latest = state["checkpoint"]["latest"]
    created = next(entry for entry in latest["resources"] if entry["urn"].endswith("local-gpu-a"))
    latest["resources"].remove(created)
    for entry in latest["resources"]:
        # Nothing had been created yet that depends on it.
        lists = [entry.get("dependencies"), *(entry.get("propertyDependencies") or {}).values()]
        for urns in lists:
            if urns and created["urn"] in urns:
                urns.remove(created["urn"])
    begun = {key: value for key, value in created.items() if key not in ("id", "outputs")}
    latest["pending_operations"] = [{"type": "creating", "resource": begun}]
    file.write_text(json.dumps(state))
    before = local.writes()

    recover(local.engine, local.store)

    shown = local.succeeds("up", *QUIET)
    assert "error" not in shown
    assert local.writes() == before, "what exists as it should be is not written again"
