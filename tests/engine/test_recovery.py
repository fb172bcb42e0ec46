"""An engine that was killed in the middle of a creation: the next run goes on from there."""

from __future__ import annotations

import json
from pathlib import Path

from commands.recovery import recover
from tests.engine.conftest import QUIET, project


def test_what_a_killed_engine_had_created_is_adopted(tmp_path: Path) -> None:
    """Azure refuses to create it again, and nobody but the engine knows that it is wanted."""
    stack = project("local", tmp_path)
    stack.succeeds("up", *QUIET)
    file = stack.engine.home / "backend/.pulumi/stacks/kilonode/local.json"
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
    before = stack.writes()

    recover(stack.engine, stack.store)

    shown = stack.succeeds("up", *QUIET)
    assert "error" not in shown
    assert stack.writes() == before, "what exists as it should be is not written again"
