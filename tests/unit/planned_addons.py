"""The add-ons of a stack, as the program would declare them."""

from __future__ import annotations

from components.addons import installed
from components.addons.manifests import Manifest
from components.addons.plan import ClusterFacts
from config.artifacts import catalog
from config.schema.stack import Settings
from config.settings import of_stack
from config.topology import topology
from config.workload_identities import workloads


def planned(settings: Settings) -> dict[str, list[Manifest]]:
    """Manifests by the add-on's name."""
    client_ids = {one.name: f"client-{one.name}" for one in workloads(settings)}
    cluster = ClusterFacts(settings, topology(settings), catalog().images, client_ids)
    return {plan.name: list(plan.manifests) for plan in installed.plans(cluster)}


def addons_of(stack: str) -> dict[str, list[Manifest]]:
    return planned(of_stack(stack))
