"""The settings of the node pools."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.azure_limits import SCALE_SET_MAX_INSTANCES
from config.schema.types import Count, PinnedImage, ScaleSetKey, Section, setting


class ScaleSet(Section):
    nodes: Count = setting(
        "capacity at creation; later the capacity is the autoscaler's alone",
        limit="0 to maxNodes",
        example=3,
    )
    max_nodes: Count = setting(
        "the most nodes that the autoscaler may make of it; 1 while its nodes are drained, and 0 "
        "before its key is removed, which is refused while it has nodes",
        limit=f"0 to {SCALE_SET_MAX_INSTANCES:,}",
        example=1000,
        le=SCALE_SET_MAX_INSTANCES,
    )
    min_nodes: Count | None = setting(
        "the fewest nodes that the autoscaler may make of it; without it none, or all where nodes "
        "is maxNodes",
        limit="0 to maxNodes",
        example=3,
        default=None,
    )
    size: str | None = setting(
        "VM size of its nodes, if not the pool's: how a pool comes to another size, set by set",
        limit="a size of config/azure_limits.py with a local disk",
        example="Standard_E20ds_v5",
        default=None,
    )


class NodePool(Section):
    size: str = setting(
        "VM size of the pool's nodes; for another one add a scale set, since Azure refuses to "
        "change a living set's image and disk",
        limit="a size of config/azure_limits.py with a local disk",
        example="Standard_D15_v2",
    )
    scale_sets: Annotated[dict[ScaleSetKey, ScaleSet], Field(min_length=1)] = setting(
        "its scale sets by key; each has its own maxNodes, and the pool has their sum; another "
        "thousand nodes is another key, a new generation too",
        limit="one or more; keys: a letter, then up to 3 letters or digits",
        example={"a": {"nodes": 3, "maxNodes": 1000}},
    )
    labels: dict[str, str] = setting(
        "labels of its nodes besides kilonode.io/pool",
        limit="Kubernetes' label syntax; none that a kubelet may not set (NodeRestriction)",
        example={"example.com/team": "research"},
        default={},
    )
    taints: tuple[str, ...] = setting(
        "taints that its nodes register with",
        limit="key=value:Effect or key:Effect",
        example=["nvidia.com/gpu=present:NoSchedule"],
        default=(),
    )
    preload: tuple[PinnedImage, ...] = setting(
        "images that its nodes load once they have joined (D15), from one archive that "
        "`make mirror` makes; pods name them by tag alone, since a loaded image has no digest",
        limit="different HOST/REPOSITORY:TAG@sha256:DIGEST, tag and digest both; with "
        "artifacts.mirror",
        example=[f"registry.k8s.io/e2e-test-images/agnhost:2.53@sha256:{'0' * 64}"],
        default=(),
    )

    @property
    def max_nodes(self) -> int:
        """The most nodes that the autoscaler may make of it, over all its scale sets."""
        return sum(scale_set.max_nodes for scale_set in self.scale_sets.values())
