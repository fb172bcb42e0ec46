"""What an add-on is, before anything of it is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.addons.manifests import Manifest
from config.addon_nodes import run_addons
from config.schema.stack import Settings
from config.topology import Topology


@dataclass(frozen=True)
class Plan:
    """An add-on's objects. name: of its component, after the cluster's own."""

    name: str
    manifests: Sequence[Manifest]


@dataclass(frozen=True)
class ClusterFacts:
    """What plans are made from. images: by their names in config/artifacts.yaml; client_ids: of
    Azure identities, by the workloads' names in config/workload_identities.py.
    """

    settings: Settings
    topology: Topology
    images: Mapping[str, str]
    client_ids: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)

    @property
    def addon_nodes(self) -> int:
        """Nodes that take add-ons and stay; without such, those that there are at creation."""
        sets = [one for one in self.topology.node_sets if run_addons(one.taints)]
        return sum(one.min_nodes for one in sets) or sum(one.nodes for one in sets)

    @property
    def nodes_at_most(self) -> int:
        """Nodes and masters once every pool is as large as it may be."""
        pools = sum(one.max_nodes for one in self.topology.node_sets)
        return pools + len(self.topology.masters)


# None: the settings do not ask for it.
Planner = Callable[[ClusterFacts], Plan | None]
