"""Prometheus: what it scrapes, its rules and the dashboards for what it knows (D6, E1, E6)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml

from components.addons.manifests import manifests
from components.addons.plan import ClusterFacts, Plan
from components.addons.quantities import cores, memory, storage
from config.schema.addons import Addons
from config.schema.watching import Prometheus
from config.stack_file import REPOSITORY
from config.topology import EtcdCluster

_FOLDER = REPOSITORY / "config" / "monitoring"
CONFIGURATION = _FOLDER / "prometheus.yaml"
_RULES = ".rules.yaml"
# Of its volume. The rest is for the log, which counts to no retention, and for compaction.
_BLOCKS_SHARE = 0.6


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan, with what the program knows of the cluster as targets."""
    wanted = cluster.settings.addons.prometheus
    if not wanted:
        return None
    parts = manifests(
        "prometheus",
        {
            "image": cluster.images["prometheus"],
            "cpu": cores(wanted.millicores),
            "memory": memory(wanted.memory_mib),
            "data": {"name": "data", **_volume(wanted)},
            "files": files(wanted, cluster),
            "dashboards": {path.name: path.read_text() for path in dashboards()},
        },
    )
    if wanted.storage_class:
        claim = {"storage_class": wanted.storage_class, "storage": storage(wanted.storage_gib)}
        parts += manifests("prometheus/persistent", claim)
    return Plan("prometheus", parts)


def files(wanted: Prometheus, cluster: ClusterFacts) -> dict[str, str]:
    """What lies in /etc/prometheus: configuration, rules and targets, by name."""
    topology = cluster.topology
    left_out = _left_out(cluster.settings.addons)
    rules = {path.name.removesuffix(_RULES): path for path in sorted(_FOLDER.glob(f"*{_RULES}"))}
    return {
        "prometheus.yaml": yaml.safe_dump(_configuration(wanted, cluster)),
        **{path.name: path.read_text() for of, path in rules.items() if of not in left_out},
        "masters.json": _targets((one.address, {"member": one.name}) for one in topology.masters),
        "etcd.json": _targets(
            target for one in (topology.etcd, topology.events) for target in _members(one)
        ),
    }


def dashboards() -> list[Path]:
    """Grafana's, one file for each theme."""
    return sorted((_FOLDER / "dashboards").glob("*.json"))


def _configuration(wanted: Prometheus, cluster: ClusterFacts) -> dict[str, Any]:
    configuration: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text())
    configuration["global"]["external_labels"] = {"cluster": cluster.topology.cluster}
    size = int(wanted.storage_gib * 1024 * _BLOCKS_SHARE)
    configuration["storage"] = {
        "tsdb": {"retention": {"time": f"{wanted.retention_days}d", "size": f"{size}MB"}}
    }
    if wanted.alertmanagers:
        targets = [{"static_configs": [{"targets": list(wanted.alertmanagers)}]}]
        configuration["alerting"] = {"alertmanagers": targets}
    jobs = configuration["scrape_configs"]
    left_out = _left_out(cluster.settings.addons)
    configuration["scrape_configs"] = [one for one in jobs if one["job_name"] not in left_out]
    return configuration


def _left_out(addons: Addons) -> set[str]:
    """Jobs of add-ons that are off, and the rules of that name: targets would be down for ever."""
    optional = {
        "node-dns": addons.node_local_dns,
        "cluster-autoscaler": addons.cluster_autoscaler,
    }
    return {job for job, wanted in optional.items() if wanted is None}


def _volume(wanted: Prometheus) -> dict[str, Any]:
    if wanted.storage_class:
        return {"persistentVolumeClaim": {"claimName": "prometheus"}}
    # The kubelet's directory is on the local disk.
    return {"emptyDir": {"sizeLimit": storage(wanted.storage_gib)}}


def _members(cluster: EtcdCluster) -> Iterator[tuple[IPv4Address, Mapping[str, str]]]:
    for member in cluster.members:
        kind = "learner" if member.disk else "voter"
        yield member.address, {"etcd": cluster.name, "member": member.name, "kind": kind}


def _targets(found: Iterator[tuple[IPv4Address, Mapping[str, str]]]) -> str:
    """As file_sd_configs reads them; the port is the job's."""
    targets = [{"targets": [str(address)], "labels": dict(labels)} for address, labels in found]
    return json.dumps(targets, indent=1) + "\n"
