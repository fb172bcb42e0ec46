"""The settings of the cluster's services: one optional section for each add-on.

An add-on is on when its key stands in the stack file, {} for its defaults, and off without it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Strict

from config.allocatable import PERCENT_FOR_ONE_POD
from config.schema.azure_addons import AzureDisk, CloudControllerManager, ClusterAutoscaler
from config.schema.types import PoolKey, Positive, Section, setting
from config.schema.watching import Datadog, Fluentd, Prometheus


class MetricsServer(Section):
    replicas: Annotated[int, Strict()] = setting(
        "pods of metrics-server; one answers as well as two, but not while it is being moved",
        limit="1 to 3",
        example=2,
        default=2,
        ge=1,
        le=3,
    )


class NodeLocalDns(Section):
    ttl_seconds: Annotated[int, Strict()] = setting(
        "how long the cache of a node keeps an answer at most",
        limit="1 to 3,600",
        example=30,
        default=30,
        ge=1,
        le=3600,
    )


class Gpu(Section):
    """Nothing to choose: versions are config/artifacts.yaml's."""


class Balloons(Section):
    count: Positive = setting(
        "balloons of the pool, one on each node: as many nodes keep room for other pods",
        limit="1 to the sum of the pool's scale sets' maxNodes",
        example=10,
    )
    percent_of_node: Annotated[int, Strict()] = setting(
        "what each of them takes of what its node has for pods; of GPUs, the next whole one",
        limit=f"1 to {PERCENT_FOR_ONE_POD}, since every node has daemons of its own",
        example=50,
        default=50,
        ge=1,
        le=PERCENT_FOR_ONE_POD,
    )


class Addons(Section):
    node_local_dns: NodeLocalDns | None = setting(
        "a DNS cache on every node, since Azure answers 1,000 questions a second per machine and "
        "drops the rest (D10); on or off is user data: masters are replaced, nodes follow as new "
        "ones",
        limit="a mapping, {} for its defaults",
        example={"ttlSeconds": 30},
        default=None,
    )
    metrics_server: MetricsServer | None = setting(
        "what `kubectl top` and autoscalers of pods ask for: CPU and memory in use",
        limit="a mapping, {} for its defaults",
        example={"replicas": 2},
        default=None,
    )
    gpu: Gpu | None = setting(
        "NVIDIA's driver, container toolkit and device plugin on nodes of sizes with GPUs; a node "
        "joins when its driver answers for all of them",
        limit="{}",
        example="{}",
        default=None,
    )
    balloons: dict[PoolKey, Balloons] = setting(
        "pods that hold capacity ready, by pool, and are gone at once when others need it (E9)",
        limit="keys of nodePools",
        example={"cpu": {"count": 10}},
        default={},
    )
    prometheus: Prometheus | None = setting(
        "Prometheus with the targets, rules and dashboards of config/monitoring (D6); it may read "
        "the metrics ports of masters and etcd",
        limit="a mapping, {} for its defaults",
        example={"retentionDays": 30},
        default=None,
    )
    fluentd: Fluentd | None = setting(
        "Fluentd on every node, which sends containers' logs on; it asks the API nothing (D7)",
        limit="a mapping with forwardTo",
        example={"forwardTo": "logs.example.com:24224"},
        default=None,
    )
    datadog: Datadog | None = setting(
        "Datadog's agents: one on every node, which asks its own kubelet, and a cluster agent, "
        "which asks the API for all of them (D7); it needs datadogApiKey",
        limit="a mapping, {} for its defaults",
        example={"site": "datadoghq.eu"},
        default=None,
    )
    cloud_controller_manager: CloudControllerManager | None = setting(
        "Azure's cloud controller manager and, on every node, cloud node manager: nodes whose VM "
        "is gone leave, nodes know their size and zone, Services of type LoadBalancer work",
        limit="a mapping, {} for its defaults",
        example={"instanceGraceSeconds": 600},
        default=None,
    )
    cluster_autoscaler: ClusterAutoscaler | None = setting(
        "nodes come for pods that wait and go when they are idle (D18)",
        limit="a mapping, {} for its defaults; needs cloudControllerManager",
        example={"maxUnreadyPercent": 50},
        default=None,
    )
    azure_disk: AzureDisk | None = setting(
        "volumes on managed disks",
        limit="a mapping, {} for its defaults; needs cloudControllerManager",
        example={"skus": ["StandardSSD_LRS"]},
        default=None,
    )
