"""What a killed engine leaves behind, and how the next run picks it up.

The engine's state then holds a lock and operations that had begun. A resource that was being
created may exist by now; creating it again is refused, on Azure as here, so it is imported.
"""

from __future__ import annotations

import json

import yaml

from commands.engine import Engine
from local_azure.arm.backend import PlanBackend
from local_azure.arm.service import Arm
from local_azure.arm.store import Store


def recover(engine: Engine, store: Store) -> None:
    """Release a dead engine's lock, and settle every operation it had begun."""
    if list((engine.home / "backend" / ".pulumi" / "locks").rglob("*.json")):
        engine.run("cancel", "--yes")
    pending = json.loads(engine.read("stack", "export"))["deployment"].get("pending_operations", [])
    if not pending:
        return
    config = yaml.safe_load(engine.configuration.read_text())["config"]
    subscription, tenant = (config[f"azure-native:{key}"] for key in ("subscriptionId", "tenantId"))
    azure = Arm(store, PlanBackend(), subscription, tenant)
    imports: list[str] = []
    for operation in pending:
        resource = operation["resource"]
        package, _, kind = resource["type"].partition(":")
        if operation["type"] != "creating" or package != "azure-native":
            continue
        found = store.get(azure.id(kind, resource["inputs"]))
        if found is not None:
            imports += ["--import-pending-creates", resource["urn"]]
            imports += ["--import-pending-creates", found.id]
    # Whatever is not imported exists nowhere but in the engine's notes (keys, certificates) or
    # is applied again without harm (Kubernetes objects).
    engine.run("refresh", "--yes", "--skip-preview", *imports, "--clear-pending-creates")
