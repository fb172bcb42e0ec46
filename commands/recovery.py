"""What a killed engine leaves behind, and how the next run picks it up.

The engine's state then holds a lock and operations that had begun. A resource that was being
created may exist by now; creating it again is refused, on Azure as here, so it is imported.
"""

from __future__ import annotations

import json

from commands.engine import Engine
from local_azure.arm.store import Store
from local_azure.providers.azure_native import resource_id


def recover(engine: Engine, store: Store) -> None:
    """Release a dead engine's lock, and settle every operation it had begun."""
    if list((engine.home / "backend" / ".pulumi" / "locks").rglob("*.json")):
        engine.run("cancel", "--yes")
    pending = json.loads(engine.read("stack", "export"))["deployment"].get("pending_operations", [])
    if not pending:
        return
    imports: list[str] = []
    for operation in pending:
        resource = operation["resource"]
        if operation["type"] != "creating" or not resource["type"].startswith("azure-native:"):
            continue
        found = store.get(resource_id(resource["type"], resource["inputs"]))
        if found is not None:
            imports += ["--import-pending-creates", resource["urn"]]
            imports += ["--import-pending-creates", found.id]
    # Whatever is not imported exists nowhere but in the engine's notes (keys, certificates) or
    # is applied again without harm (Kubernetes objects).
    engine.run("refresh", "--yes", "--skip-preview", *imports, "--clear-pending-creates")
