"""What a killed engine leaves behind, and how the next run picks it up.

The engine's state then holds a lock and operations that had begun. A resource that was being
created may exist by now, and creating it again is refused, on Azure as here: so it is adopted.
(`pulumi refresh --import-pending-creates` is for that, but loses such a resource here, where a
refresh runs the program.)
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from commands.engine import Engine
from local_azure.arm.backend import PlanBackend
from local_azure.arm.service import Arm
from local_azure.arm.store import Resource, Store


def recover(engine: Engine, store: Store) -> None:
    """Release a dead engine's lock, and settle every operation it had begun."""
    if list((engine.home / "backend" / ".pulumi" / "locks").rglob("*.json")):
        engine.run("cancel", "--yes")
    state = json.loads(engine.read("stack", "export"))
    pending = state["deployment"].pop("pending_operations", None)
    if not pending:
        return
    for operation in pending:
        # What is not adopted exists nowhere but in the engine's notes (keys, certificates), or is
        # applied again without harm (Kubernetes objects).
        found = _created(engine, store, operation)
        if found is not None:
            # The refresh that begins every update fills in the outputs.
            adopted = {**operation["resource"], "id": found.id, "outputs": {}}
            state["deployment"]["resources"].append(adopted)
    file = engine.home / "recovered.json"
    file.write_text(json.dumps(state))
    engine.run("stack", "import", "--force", "--file", str(file))


def _created(engine: Engine, store: Store, operation: dict[str, Any]) -> Resource | None:
    """What the operation had created in the local Azure, or None."""
    resource = operation["resource"]
    package, _, kind = resource["type"].partition(":")
    if operation["type"] != "creating" or package != "azure-native":
        return None
    config = yaml.safe_load(engine.configuration.read_text())["config"]
    subscription, tenant = (config[f"azure-native:{key}"] for key in ("subscriptionId", "tenantId"))
    return store.get(Arm(store, PlanBackend(), subscription, tenant).id(kind, resource["inputs"]))
