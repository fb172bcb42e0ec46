"""No key is a dead knob: another value gives another cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from config.environment import machine_user_data
from config.reference import entries, qualified
from config.settings import SettingsError, load
from config.topology import topology
from tests.unit.program_recorder import run
from tests.unit.settings_samples import raw

GPU_POOL = {"size": "Standard_NC24", "scaleSets": {"a": {"nodes": 0, "maxNodes": 1}}}
MARKED = {
    "labels": {"kubernetes.azure.com/accelerator": "nvidia"},
    "taints": ["nvidia.com/gpu=present:NoSchedule"],
}
SYSTEM_POOL = {
    "size": "Standard_D4ds_v5",
    "scaleSets": {"a": {"nodes": 2, "maxNodes": 2}},
    "labels": {"kubernetes.azure.com/mode": "system"},
    "taints": ["CriticalAddonsOnly=true:NoSchedule"],
}
OTHER_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPP06IbKiKmudRToSBoj6pLyBAs5NkU5KbPlzvkTXX/u somebody"
)

MIRROR = "https://mirror.example.com"

# Key -> the settings to begin with, where they matter, and another value.
OTHERS: Mapping[str, tuple[dict[str, Any], Any]] = {
    "subscriptionId": ({}, "00000000-0000-4000-8000-000000000002"),
    "clusterName": ({}, "other"),
    "generation": ({}, 2),
    "zones": ({}, ["1"]),
    "retiredSizes": ({"nodePools.gpu": GPU_POOL}, "substitute"),
    "network.subnets.etcd": ({}, "10.0.4.0/24"),
    "network.subnets.masters": ({}, "10.0.4.0/24"),
    "network.subnets.nodes": ({}, "10.0.4.0/23"),
    "network.podCidr": ({}, "10.68.0.0/14"),
    "network.nodePodPrefix": ({}, 25),
    "network.serviceCidr": ({}, "10.97.0.0/16"),
    "etcd.size": ({}, "Standard_D16ds_v5"),
    "etcd.fsyncFloorMs": ({}, 20),
    "etcd.snapshotMinutes": ({}, 1),
    "etcd.main.members": ({}, ["a", "b", "f"]),
    "etcd.main.quotaBytes": ({}, 4 * 1024**3),
    "etcd.events.members": ({}, ["a"]),
    "etcd.events.quotaBytes": ({}, 4 * 1024**3),
    **{
        f"etcd.{cluster}.learner{key}": ({f"etcd.{cluster}.learner": {}} if key else {}, value)
        for cluster in ("main", "events")
        for key, value in {
            "": {},
            ".size": "Standard_D4ds_v5",
            ".diskGib": 65,
            ".diskSku": "StandardSSD_LRS",
        }.items()
    },
    "addons.nodeLocalDns": ({}, {}),
    "addons.gpu": (
        {"nodePools.gpu": {**GPU_POOL, "size": "Standard_NC64as_T4_v3", **MARKED}},
        {},
    ),
    "masters.size": ({}, "Standard_D16ds_v5"),
    "masters.members": ({}, ["a", "b"]),
    "controlPlane.preset": ({}, "large"),
    "controlPlane.schedulerPolicy": (
        {},
        {
            "predicates": [{"name": "GeneralPredicates"}],
            "priorities": [{"name": "MostRequestedPriority", "weight": 1}],
        },
    ),
    "nodePools": (
        {},
        {
            "gpu": GPU_POOL
            | {"size": "Standard_D16ds_v5", "scaleSets": {"a": {"nodes": 1, "maxNodes": 1}}}
        },
    ),
    "nodePools.cpu.size": ({}, "Standard_E20ds_v5"),
    "nodePools.cpu.scaleSets": ({}, {"c": {"nodes": 3, "maxNodes": 400}}),
    "nodePools.cpu.scaleSets.a.nodes": ({}, 4),
    "nodePools.cpu.scaleSets.a.size": ({}, "Standard_E20ds_v5"),
    "nodePools.cpu.scaleSets.a.maxNodes": ({}, 201),
    "nodePools.cpu.scaleSets.a.minNodes": ({}, 2),
    "addons.cloudControllerManager": ({"nodePools.system": SYSTEM_POOL}, {}),
    "nodePools.cpu.labels": ({}, {"example.com/team": "research"}),
    "nodePools.cpu.taints": ({}, ["team=a:PreferNoSchedule"]),
    "artifacts.mirror": ({}, MIRROR),
    "nodePools.cpu.preload": ({"artifacts.mirror": MIRROR}, [f"quay.io/a/b:1@sha256:{'0' * 64}"]),
    "imageRegistry": ({}, "registry.example.com"),
    "artifacts.checksums": ({}, {"flannel": "0" * 64, "cri-dockerd": "0" * 64}),
    **{
        f"extraArgs.{component}": ({}, ["--v=9"])
        for component in (
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
            "cri-dockerd",
            "flannel",
        )
    },
}

# Keys that show in resources alone, another value, and where to look for it.
IN_RESOURCES: Mapping[str, tuple[Any, str]] = {
    "location": ("northeurope", '"northeurope"'),
    "tenantId": ("00000000-0000-4000-8000-00000000000b", "-00000000000b"),
    "image.version": ("24.04.202609050", "24.04.202609050"),
    "sshPublicKey": (OTHER_KEY, OTHER_KEY),
    "gateNonce": ("second-try", "second-try"),
    "controlPlane.encryptionKeys": (["b", "a"], "-encryption-b"),
    "network.cidr": ("10.0.0.0/15", "10.0.0.0/15"),
    "network.natAddresses": (3, "-nat-3"),
    "etcd.patienceSeconds": (77, "--patience 77"),
    "addons.nodeLocalDns.ttlSeconds": (31, "cache 31"),
    "addons.balloons": ({}, "kilonode-balloons"),
    "addons.balloons.cpu.count": (7, '"replicas": 7'),
    # Of 16 vCPUs, after what is reserved.
    "addons.balloons.cpu.percentOfNode": (37, '"cpu": "5846m"'),
    "addons.metricsServer": ({}, "v1beta1.metrics.k8s.io"),
    "addons.metricsServer.replicas": (1, '"replicas": 1.0'),
    # In base64.
    "datadogApiKey": ("0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZg=="),
    "addons.fluentd": ({"forwardTo": "logs.example.com:24224"}, "kilonode.io/configuration"),
    "addons.fluentd.forwardTo": ("logs.example.com:24225", '"24225"'),
    "addons.fluentd.tls": (False, '"value": "tcp"'),
    "addons.fluentd.bufferMib": (7777, '"7777"'),
    "addons.datadog": ({}, "kilonode:datadog-agent"),
    "addons.datadog.site": ("datadoghq.eu", '"datadoghq.eu"'),
    "addons.datadog.events": (True, 'DD_COLLECT_KUBERNETES_EVENTS", "value": "true'),
    "addons.prometheus": ({}, "kilonode:prometheus"),
    "addons.prometheus.retentionDays": (77, "time: 77d"),
    "addons.prometheus.storageGib": (777, '"777Gi"'),
    "addons.prometheus.storageClass": ("fast", '"storageClassName": "fast"'),
    "addons.prometheus.millicores": (7777, '"7777m"'),
    "addons.prometheus.memoryMib": (7777, '"7777Mi"'),
    "addons.prometheus.alertmanagers": (["alerts.example.com:9093"], "alerts.example.com:9093"),
    "addons.cloudControllerManager.instanceGraceSeconds": (901, 'PeriodInSeconds\\": 901'),
    "addons.clusterAutoscaler": ({}, "--node-group-auto-discovery"),
    "addons.clusterAutoscaler.maxUnreadyPercent": (25, "--max-total-unready-percentage=25"),
    "addons.clusterAutoscaler.okUnreadyNodes": (7, "--ok-total-unready-count=7"),
    "addons.clusterAutoscaler.maxNodes": (301, "--max-nodes-total=301"),
    "addons.clusterAutoscaler.maxCores": (7001, "--cores-total=0:7001"),
    "addons.clusterAutoscaler.maxMemoryGib": (30001, "--memory-total=0:30001"),
    "addons.clusterAutoscaler.expander": ("least-nodes", "--expander=least-nodes"),
    "addons.clusterAutoscaler.scanSeconds": (20, "--scan-interval=20s"),
    "addons.clusterAutoscaler.unneededMinutes": (7, "--scale-down-unneeded-time=7m"),
    "addons.clusterAutoscaler.delayAfterAddMinutes": (8, "--scale-down-delay-after-add=8m"),
    "addons.clusterAutoscaler.provisionMinutes": (30, "--max-node-provision-time=30m"),
    "addons.azureDisk": ({}, "disk.csi.azure.com"),
    "addons.azureDisk.skus": (["Premium_LRS"], '"skuName": "Premium_LRS"'),
    "api.public": ({"allowedRanges": ["198.51.100.0/24"]}, "cloudapp.azure.com"),
    "api.public.allowedRanges": (["198.51.100.0/24"], "198.51.100.0/24"),
}


def machines(settings: Mapping[str, Any]) -> Any:
    """What the settings make of machines, or that they are refused."""
    try:
        loaded = load(settings)
    except SettingsError as error:
        return str(error)
    plan = topology(loaded)
    return plan, [machine_user_data(loaded, plan, one).sha256 for one in plan.machines]


@cache
def resources(changed: bool) -> str:
    """What the program registers, with every key of IN_RESOURCES changed or with none."""
    changes = {key: value for key, (value, _) in IN_RESOURCES.items()} if changed else {}
    settings = raw({"nodePools.system": SYSTEM_POOL, **changes})
    values = {
        qualified((key,)): value if isinstance(value, str) else json.dumps(value)
        for key, value in settings.items()
    }
    recording = run(values, known=False)
    # Sorted, or what stands side by side in a manifest would not here.
    inputs = [(one.urn, one.inputs) for one in recording.registrations]
    return json.dumps(inputs, sort_keys=True)


def test_every_key_is_tried() -> None:
    tried = {key.replace(".cpu", ".*").replace(".a.", ".*.") for key in {**OTHERS, **IN_RESOURCES}}
    keys = {".".join(one.path) for one in entries() if one.example != {}}
    assert tried == keys


@pytest.mark.parametrize("key", OTHERS)
def test_another_value_makes_another_machine_or_none(key: str) -> None:
    base, value = OTHERS[key]
    assert machines(raw(base)) != machines(raw({**base, key: value}))


@pytest.mark.parametrize("text", [text for _, text in IN_RESOURCES.values()], ids=IN_RESOURCES)
def test_another_value_makes_another_resource(text: str) -> None:
    assert text not in resources(changed=False)
    assert text in resources(changed=True)
