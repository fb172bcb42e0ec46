"""Prometheus in the running cluster: it reaches everything, and what it is asked for is there."""

from __future__ import annotations

import subprocess

import pytest

from tests import promql
from tests.cluster.conftest import Cluster, eventually
from tests.cluster.objects import TESTBOX
from tests.promql import Prometheus

# Not the service's proxy: the API server looks for Endpoints there, and there are none (E4).
POD = "/api/v1/namespaces/monitoring/pods/{}:9090/proxy/api/v1/"
JOBS_OF_NODES = {"kubelet", "cadvisor", "node-resource", "node-machine", "node-dns"}
OF_ALL_JOBS = {"up", "scrape_samples_post_metric_relabeling"}
# Told only once it has happened: by name, what has to.
HAPPENS = {
    "apiserver_request_terminations_total": "requests that are turned away",
    "apiserver_flowcontrol_rejected_requests_total": "requests that are turned away",
    "kubelet_runtime_operations_errors_total": "an operation of the runtime that fails",
    "kubelet_evictions": "an eviction",
    "kilonode_etcd_alarms": "an alarm of etcd's",
}


@pytest.fixture(scope="module")
def prometheus(cluster: Cluster) -> Prometheus:
    """Once every job of nodes, which are asked each minute, has been asked twice."""

    pods = cluster.get(
        "pods", "--namespace=monitoring", "--selector=app.kubernetes.io/name=prometheus"
    )
    [pod] = [one["metadata"]["name"] for one in pods["items"]]

    def fetch(path: str) -> bytes:
        return cluster.kubectl("get", "--raw", POD.format(pod) + path).encode()

    client = Prometheus(fetch)
    eventually(
        lambda: (
            {
                one["metric"]["job"]
                for one in client.query("count by (job) (count_over_time(up[5m]) >= 2)")
            }
            >= JOBS_OF_NODES
        ),
        360,
        "every job of nodes was asked twice",
    )
    return client


def test_every_target_is_up(prometheus: Prometheus) -> None:
    """D6. A certificate that is not believed, or a port that is closed, shows here."""

    def all_are_up() -> bool:
        found = [one for job in prometheus.targets().values() for one in job]
        down = [(one["scrapeUrl"], one["lastError"]) for one in found if one["health"] != "up"]
        assert not down
        return True

    eventually(all_are_up, 120, "every target is up")


def test_every_machine_is_a_target(prometheus: Prometheus, cluster: Cluster) -> None:
    targets = {
        job: {one["labels"].get("member") or one["labels"].get("node") for one in found}
        for job, found in prometheus.targets().items()
    }
    masters = set(cluster.machines("master"))
    nodes = {one["metadata"]["name"] for one in cluster.get("nodes")["items"]}
    members = {*cluster.machines("etcd"), *cluster.machines("events")}
    for job in ("apiserver", "controller-manager", "scheduler"):
        assert targets[job] == masters, job
    for job in ("etcd", "etcd-machine"):
        assert targets[job] == members, job
    for job in JOBS_OF_NODES:
        assert targets[job] == nodes, f"{job}: masters are nodes too"


def test_every_pod_of_the_dns_is_a_target(prometheus: Prometheus, cluster: Cluster) -> None:
    pods = cluster.get("pods", "--namespace=kube-system", "--selector=k8s-app=kube-dns")["items"]
    found = {one["labels"]["instance"] for one in prometheus.targets()["kube-dns"]}
    assert found == {f"{pod['status']['podIP']}:9153" for pod in pods}


def test_every_rule_is_loaded_and_can_be_evaluated(prometheus: Prometheus) -> None:
    loaded = {one["name"] for one in prometheus.rules()}
    assert loaded
    assert loaded <= {one.get("alert") or one["record"] for one in promql.rules()}

    def all_are_evaluated() -> bool:
        failed = [one for one in prometheus.rules() if one["health"] != "ok"]
        assert not failed
        return True

    eventually(all_are_evaluated, 120, "every rule is evaluated")


@pytest.mark.parametrize("where", promql.dashboard_queries())
def test_every_panel_gets_an_answer(prometheus: Prometheus, where: str) -> None:
    prometheus.query(promql.dashboard_queries()[where])


def test_every_metric_that_rules_and_panels_ask_for_is_told_by_the_machines(
    prometheus: Prometheus, cluster: Cluster
) -> None:
    """A rule on a misspelt metric never fires, which looks as if all were well."""
    running = set(prometheus.targets())
    expressions = [one["expr"] for one in promql.rules()] + [*promql.dashboard_queries().values()]
    wanted = {
        (selector.metric, job)
        for text in expressions
        for selector in prometheus.selectors(text)
        for job in selector.jobs
        if job in running and selector.metric not in {*promql.recorded(), *OF_ALL_JOBS, *HAPPENS}
    }

    def all_are_told() -> bool:
        missing = sorted(
            (metric, job)
            for metric, job in wanted
            if not prometheus.query(f'count({{__name__="{metric}", job="{job}"}})')
        )
        assert not missing
        return True

    # A scheduler that has just begun tells of no pod before it has found a node for one.
    cluster.kubectl("run", "scheduled", f"--image={TESTBOX}", "--restart=Never", "--", "true")
    try:
        eventually(all_are_told, 180, "every metric is told")
    finally:
        cluster.kubectl("delete", "pod", "scheduled", "--force")


def test_the_local_disk_of_every_node_is_watched(prometheus: Prometheus, cluster: Cluster) -> None:
    """The machines of the local stack share a kernel, but each has a disk of its own."""
    found = prometheus.query("count by (node) (device:node_filesystem_in_use:ratio)")
    assert {one["metric"]["node"] for one in found} == {
        one["metadata"]["name"] for one in cluster.get("nodes")["items"]
    }


def test_no_alert_fires_in_a_cluster_that_is_well(prometheus: Prometheus) -> None:
    """Whoever is woken up for nothing stops looking. What other tests broke needs its time."""

    def none_fires() -> bool:
        firing = prometheus.query('ALERTS{alertstate="firing", severity="critical"}')
        names = [one["metric"]["alertname"] for one in firing]
        assert not names, names
        return True

    eventually(none_fires, 1200, "no critical alert fires")


def test_pods_do_not_get_prometheus_right_to_read_kubelets(cluster: Cluster) -> None:
    """All nodes' kubelets would tell any pod what runs on them."""
    with pytest.raises(subprocess.CalledProcessError):
        cluster.kubectl(
            *("auth", "can-i", "get", "nodes/metrics"),
            "--as=system:serviceaccount:default:default",
        )
