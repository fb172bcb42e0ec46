"""Figures of the control plane that depend on how many nodes there are.

Named here is only what differs from Kubernetes' own default. Left at the default on purpose:
watch caches size themselves (--watch-cache-sizes knows no other number than 0, which turns one
off); etcd's leases of events are shared by up to 1,000 objects a lease, whatever their time; node
leases (10 s) and the 50 s after which a node counts as lost are no matter of size; leader election
keeps its 15 s, since a longer lease is a longer time without a scheduler when a master dies; the
12,500 finished pods that are kept are some 200 MB of each apiserver.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Preset = Literal["default", "large"]

_OURS = "Kilonode: three certificates a node are signed within this limit"
_PRESETS = (
    "kubernetes/test-infra 1e9d723, sig-scalability-presets.yaml, preset-e2e-scalability-common"
)
_KOPS = "kubernetes/kops 022cc63, tests/e2e/scenarios/scalability/run-test.sh (5,000 nodes)"


@dataclass(frozen=True)
class Figure:
    """`value` of a setting that is called `name`, a flag or a key of a configuration file."""

    program: str
    name: str
    value: str
    kubernetes_default: str
    why: str
    source: str


def _apiserver(name: str, value: str, default: str, why: str, source: str) -> Figure:
    return Figure("kube-apiserver", f"--{name}", value, default, why, source)


def _controllers(name: str, value: str, default: str, why: str, source: str) -> Figure:
    return Figure("kube-controller-manager", f"--{name}", value, default, why, source)


def _scheduler(name: str, value: str, default: str, why: str, source: str) -> Figure:
    return Figure("kube-scheduler", f"clientConnection.{name}", value, default, why, source)


_BATCH = "endpoints of one service that change together are written once"

FIGURES: Mapping[Preset, tuple[Figure, ...]] = {
    "default": (
        _controllers("kube-api-qps", "200", "20", "nodes that join at once", _OURS),
        _controllers("kube-api-burst", "400", "30", "nodes that join at once", _OURS),
    ),
    "large": (
        _apiserver(
            "max-requests-inflight",
            "800",
            "400",
            "seats that fairness divides, with the next",
            _KOPS,
        ),
        _apiserver("max-mutating-requests-inflight", "400", "200", "the same", _KOPS),
        _apiserver(
            "etcd-compaction-interval",
            "150s",
            "5m",
            "half the history that etcd keeps at thousands of writes a second",
            f"{_PRESETS}: ETCD_COMPACTION_INTERVAL_SEC",
        ),
        _apiserver(
            "delete-collection-workers",
            "16",
            "1",
            "namespaces with thousands of pods go in minutes",
            f"{_PRESETS}: TEST_CLUSTER_DELETE_COLLECTION_WORKERS",
        ),
        _controllers("kube-api-qps", "500", "20", "nodes that join at once", _KOPS),
        _controllers("kube-api-burst", "500", "30", "nodes that join at once", _KOPS),
        _controllers("endpointslice-updates-batch-period", "500ms", "0s", _BATCH, _KOPS),
        _scheduler("qps", "500", "50", "hundreds of pods that come at once", _KOPS),
        _scheduler("burst", "500", "100", "hundreds of pods that come at once", _KOPS),
    ),
}


def flags(preset: Preset, program: str) -> tuple[str, ...]:
    """The preset's flags of `program`, as they stand in its command line."""
    return tuple(f"{one.name}={one.value}" for one in _of(preset, program))


def scheduler_connection(preset: Preset) -> dict[str, int]:
    """The preset's part of the scheduler's `clientConnection`."""
    return {
        one.name.removeprefix("clientConnection."): int(one.value)
        for one in _of(preset, "kube-scheduler")
    }


def _of(preset: Preset, program: str) -> Iterable[Figure]:
    return (one for one in FIGURES[preset] if one.program == program)
