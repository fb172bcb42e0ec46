"""Prometheus' configuration: whom it asks, whom it believes, and what it may do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.addons import prometheus
from components.addons.manifests import Manifest
from components.addons.plan import ClusterFacts
from config.artifacts import catalog
from config.settings import Settings, of_stack
from config.topology import topology
from tests.unit.settings_samples import settings

TOP = Path(__file__).parents[2]
UNITS = "config/machines/{}/etc/systemd/system/{}.service"
HOLDS_PODS = {"pods", "endpoints", "endpointslices", "events", "services", "*"}


def of(chosen: Settings) -> ClusterFacts:
    return ClusterFacts(chosen, topology(chosen), catalog().images)


def prod() -> ClusterFacts:
    return of(of_stack("prod"))


def planned(cluster: ClusterFacts) -> list[Manifest]:
    plan = prometheus.plan(cluster)
    assert plan
    return list(plan.manifests)


def files(cluster: ClusterFacts) -> dict[str, str]:
    (found,) = (
        one
        for one in planned(cluster)
        if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "prometheus"
    )
    content: dict[str, str] = found["data"]
    return content


def jobs() -> dict[str, Any]:
    parsed = yaml.safe_load(files(prod())["prometheus.yaml"])
    return {one["job_name"]: one for one in parsed["scrape_configs"]}


JOBS = jobs()


def test_every_master_and_every_member_of_both_etcd_clusters_is_asked() -> None:
    """D6. Targets that the program knows need no question to the API."""
    cluster = prod()
    found = {name: json.loads(files(cluster)[f"{name}.json"]) for name in ("masters", "etcd")}
    plan = cluster.topology
    assert {one["targets"][0]: one["labels"]["member"] for one in found["masters"]} == {
        str(one.address): one.name for one in plan.masters
    }
    told = {one["targets"][0]: one["labels"] for one in found["etcd"]}
    for etcd in (plan.etcd, plan.events):
        for member in etcd.members:
            labels = told.pop(str(member.address))
            kind = "learner" if member is etcd.learner else "voter"
            assert labels == {"etcd": etcd.name, "member": member.name, "kind": kind}
    assert not told


def test_both_rates_of_the_document_have_an_alert_e1() -> None:
    groups = yaml.safe_load(files(prod())["apiserver.rules.yaml"])["groups"]
    alerts = {one.get("alert"): one.get("expr") for group in groups for one in group["rules"]}
    assert alerts["ApiserverThrottles"].startswith("cluster:apiserver_429:ratio")
    assert alerts["ApiserverFails"].startswith("cluster:apiserver_5xx:ratio")


def test_of_the_api_prometheus_asks_for_nodes_alone() -> None:
    """D7: pods and endpoints of 2,500 nodes change all the time."""
    roles = {sd["role"] for job in JOBS.values() for sd in job.get("kubernetes_sd_configs", [])}
    assert roles == {"node"}
    (role,) = (one for one in planned(prod()) if one["kind"] == "ClusterRole")
    for rule in role["rules"]:
        assert not HOLDS_PODS & set(rule.get("resources", [])), "what it may, somebody will"
        assert set(rule["verbs"]) <= {"get", "list", "watch"}


@pytest.mark.parametrize("name", [name for name, job in JOBS.items() if job.get("scheme")])
def test_whoever_gets_the_token_has_a_certificate_of_the_cluster(name: str) -> None:
    job = JOBS[name]
    assert job["scheme"] == "https"
    assert job["tls_config"] == {
        "ca_file": "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    }, "an address that somebody took over would be given the token"


def test_the_token_is_sent_over_tls_alone() -> None:
    for name, job in JOBS.items():
        assert job.get("scheme") == "https" or "authorization" not in job, name


@pytest.mark.parametrize("program", ["kube-controller-manager", "kube-scheduler"])
def test_masters_programs_show_a_certificate_that_names_their_machine(program: str) -> None:
    text = (TOP / UNITS.format("master", program)).read_text()
    assert "--tls-cert-file=/etc/kilonode/pki/kubernetes/apiserver.crt" in text


@pytest.mark.parametrize("job", ["kubelet", "cadvisor", "node-resource"])
def test_of_what_every_node_tells_only_what_is_used_is_kept(job: str) -> None:
    """E6: what one node tells is told 2,500 times."""
    assert "keep" in [one.get("action") for one in JOBS[job]["metric_relabel_configs"]]


def test_no_target_may_tell_without_end() -> None:
    """E6."""
    common = yaml.safe_load(files(prod())["prometheus.yaml"])["global"]
    assert all(common[f"{what}_limit"] for what in ("sample", "body_size", "label"))


def test_no_question_is_without_end_and_a_restart_is_quick() -> None:
    """E6: unbounded questions killed it, and its log took longer than it was given."""
    (pods,) = (one for one in planned(prod()) if one["kind"] == "Deployment")
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    flags = dict(re.findall(r"--([\w.-]+)=(\S+)", " ".join(container["args"])))
    assert {"query.timeout", "query.max-samples", "query.max-concurrency"} <= set(flags)
    assert flags["enable-feature"] == "memory-snapshot-on-shutdown"
    assert container["resources"]["limits"].keys() == {"memory"}, "a replay uses all cores"
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 1800


@pytest.mark.parametrize("job", ["node-dns", "cluster-autoscaler"])
def test_an_add_on_that_is_off_has_no_targets(job: str) -> None:
    without = files(of(settings({"addons": {"prometheus": {}}})))["prometheus.yaml"]
    assert job in JOBS
    assert job not in {one["job_name"] for one in yaml.safe_load(without)["scrape_configs"]}


def test_nobody_is_woken_up_for_an_autoscaler_that_is_off() -> None:
    """That it has no pod is an alert, which would fire for ever."""
    alert = "AutoscalerDown"
    assert alert in files(prod())["cluster-autoscaler.rules.yaml"]
    assert alert not in str(files(of(settings({"addons": {"prometheus": {}}}))))


def test_its_data_is_on_the_local_disk_unless_a_class_is_named() -> None:
    (pods,) = (one for one in planned(prod()) if one["kind"] == "Deployment")
    volumes = {one["name"]: one for one in pods["spec"]["template"]["spec"]["volumes"]}
    assert volumes["data"]["emptyDir"] == {"sizeLimit": "100Gi"}
    kept = planned(of(settings({"addons.prometheus": {"storageClass": "fast"}})))
    (claim,) = (one for one in kept if one["kind"] == "PersistentVolumeClaim")
    assert claim["spec"]["storageClassName"] == "fast"


def test_the_oldest_data_goes_before_the_volume_is_full() -> None:
    kept = yaml.safe_load(files(prod())["prometheus.yaml"])["storage"]["tsdb"]["retention"]
    assert kept == {"time": "15d", "size": "61440MB"}
