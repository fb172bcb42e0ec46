"""All add-ons, in the order in which they are declared."""

from __future__ import annotations

from collections.abc import Iterator

from components.addons import (
    azure_disk,
    balloons,
    cloud_controller_manager,
    cluster_autoscaler,
    datadog,
    dns,
    fluentd,
    gpu,
    metrics_server,
    node_local_dns,
    prometheus,
)
from components.addons.plan import ClusterFacts, Plan, Planner

_PLANNERS: tuple[Planner, ...] = (
    dns.plan,
    node_local_dns.plan,
    metrics_server.plan,
    cloud_controller_manager.plan,
    cluster_autoscaler.plan,
    azure_disk.plan,
    gpu.plan,
    balloons.plan,
    prometheus.plan,
    fluentd.plan,
    datadog.plan,
)


def plans(cluster: ClusterFacts) -> Iterator[Plan]:
    """The add-ons that the settings ask for."""
    for planner in _PLANNERS:
        if plan := planner(cluster):
            yield plan
