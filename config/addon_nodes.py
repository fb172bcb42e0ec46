"""Which nodes run the cluster's own add-ons. The names are AKS's, so that tools know them."""

from __future__ import annotations

from collections.abc import Sequence

from config.taints import parsed

# Of a pool that is kept for them: its label, and the key of a taint that they tolerate.
SYSTEM_LABEL = "kubernetes.azure.com/mode"
SYSTEM = "system"
SYSTEM_TAINT = "CriticalAddonsOnly"

# Of pools with GPUs: a label that the autoscaler knows too, and the key of the taint that keeps
# pods away which need none.
ACCELERATOR_LABEL = "kubernetes.azure.com/accelerator"
ACCELERATOR = "nvidia"
GPU_TAINT = "nvidia.com/gpu"


def run_addons(taints: Sequence[str]) -> bool:
    """Whether nodes with these taints take add-ons."""
    return all(
        taint.effect == "PreferNoSchedule" or taint.key == SYSTEM_TAINT
        for taint in map(parsed, taints)
    )
