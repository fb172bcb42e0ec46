"""Every alert on masters, nodes and services fires when it should, with what its summary names, and
not else."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.monitoring.promtool import FOLDER, Case, check, minutes, promtool_path, rules

TOP = FOLDER.parents[1]
FILES = ("apiserver", "nodes", "services", "cluster-autoscaler")
ALERTS = {
    name: (path, rule)
    for name, (path, rule) in rules("alert").items()
    if path.name.removesuffix(".rules.yaml") in FILES
}
DAY = 86400


def of(metric: str, job: str, **labels: str) -> str:
    pairs = {"job": job, "instance": "a", **labels}
    return metric + "{" + ",".join(f'{key}="{value}"' for key, value in pairs.items()) + "}"


def requests(**by_code: int) -> dict[str, str]:
    """So many a minute, by code (c200=…), that reached a handler."""
    return {
        of("apiserver_request_total", "apiserver", code=code[1:]): f"0+{count}x200"
        for code, count in by_code.items()
    }


def terminated(**by_code: int) -> dict[str, str]:
    """So many a minute that never did."""
    return {
        of("apiserver_request_terminations_total", "apiserver", code=code[1:]): f"0+{count}x200"
        for code, count in by_code.items()
    }


def took(metric: str, job: str, below: float, **labels: str) -> dict[str, str]:
    """One a second, all in the bucket that begins at half of `below` seconds."""
    return {
        of(f"{metric}_bucket", job, le=str(below / 2), **labels): "0x200",
        of(f"{metric}_bucket", job, le=str(below), **labels): "0+60x200",
        of(f"{metric}_bucket", job, le="+Inf", **labels): "0+60x200",
    }


def up(job: str, *values: str, **labels: str) -> dict[str, str]:
    """Of instances a, b, c …"""
    return {
        of("up", job, **({"instance": letter} | labels)): value
        for letter, value in zip("abcdefghij", values, strict=False)
    }


def voters(main: tuple[str, ...], events: tuple[str, ...]) -> dict[str, str]:
    return {
        f'up{{job="etcd",etcd="{etcd}",member="{number}",kind="voter"}}': value
        for etcd, values in (("main", main), ("events", events))
        for number, value in enumerate(values)
    }


def nodes(unhealthy: str) -> dict[str, str]:
    return {
        of("node_collector_zone_size", "controller-manager", zone=""): "1000x200",
        of("node_collector_unhealthy_nodes_in_zone", "controller-manager", zone=""): unhealthy,
    }


def operations(kind: str, failed: int) -> dict[str, str]:
    """Of ten a minute."""
    return {
        of("kubelet_runtime_operations_total", "kubelet", operation_type=kind): "0+10x200",
        of(
            "kubelet_runtime_operations_errors_total", "kubelet", operation_type=kind
        ): f"0+{failed}x200",
    }


def disk(used: str, device: str = "/dev/sdb1") -> dict[str, str]:
    return {
        of("container_fs_usage_bytes", "cadvisor", node="n", device=device): used,
        of("container_fs_limit_bytes", "cadvisor", node="n", device=device): "1000x200",
    }


def seats(in_use: str) -> dict[str, str]:
    level = {"priority_level": "workload-low"}
    return {
        of("apiserver_flowcontrol_current_executing_seats", "apiserver", **level): in_use,
        of("apiserver_flowcontrol_current_limit_seats", "apiserver", **level): "100x200",
    }


def responses(servfail: int) -> dict[str, str]:
    return {
        of("coredns_dns_responses_total", "kube-dns", rcode="NOERROR"): "0+100x200",
        of("coredns_dns_responses_total", "kube-dns", rcode="SERVFAIL"): f"0+{servfail}x200",
    }


def every_job(*without: str) -> dict[str, str]:
    jobs = ("apiserver", "etcd", "etcd-machine", "controller-manager", "scheduler", "kubelet")
    return {
        key: value for job in jobs if job not in without for key, value in up(job, "1x200").items()
    }


ROUND = of("cluster_autoscaler_last_activity", "cluster-autoscaler", activity="main")
SAFE = of("cluster_autoscaler_cluster_safe_to_autoscale", "cluster-autoscaler")
REFUSED = of("cluster_autoscaler_failed_scale_ups_total", "cluster-autoscaler", reason="quota")
SLI = "apiserver_request_sli_duration_seconds"
LEADER = "leader_election_master_status"
CLIENT_TTL = of("kubelet_certificate_manager_client_ttl_seconds", "kubelet", node="n")
SERVER_TTL = of("kubelet_certificate_manager_server_ttl_seconds", "kubelet", node="n")
FORWARDS = of("coredns_proxy_request_duration_seconds_count", "kube-dns")
MEMORY = of("process_resident_memory_bytes", "prometheus")
MAY = {of("go_gc_gomemlimit_bytes", "prometheus"): "1000x200"}
CUT_OFF = of("prometheus_target_scrapes_exceeded_sample_limit_total", "prometheus")
RULE_FAILS = of("prometheus_rule_evaluation_failures_total", "prometheus", rule_group="g")

CASES = {
    "ApiserverThrottles": Case(
        # Fairness turns away before a handler counts.
        {**requests(c200=100), **terminated(c429=5)},
        (
            requests(c200=100, c429=0),
            {**requests(c200=1000), **terminated(c429=5)},
            {**requests(c200=100), **terminated(c504=5)},
        ),
        since=1,
    ),
    "ApiserverFails": Case(
        requests(c200=100, c500=5),
        (
            requests(c200=100, c404=50, c429=50),
            requests(c200=1000, c500=5),
            {of("apiserver_request_total", "apiserver", code="200"): "0+100x200"},
        ),
        since=1,
    ),
    "ApiserverSlow": Case(
        took(SLI, "apiserver", 4, verb="GET", scope="resource", subresource=""),
        (
            took(SLI, "apiserver", 0.4, verb="GET", scope="resource", subresource=""),
            # A list of the whole cluster may take that long.
            took(SLI, "apiserver", 4, verb="LIST", scope="cluster", subresource=""),
            # Logs and shells last as long as people look.
            took(SLI, "apiserver", 60, verb="GET", scope="resource", subresource="log"),
        ),
        since=1,
    ),
    "ApiserverSeatsTaken": Case(seats("95x200"), (seats("80x200"), seats("95x10 10x200"))),
    "ApiserverDown": Case(
        up("apiserver", "0x200", "1x200", member="m"),
        (up("apiserver", "1x20 0x5 1x200", member="m"),),
    ),
    "ApiserversDown": Case(up("apiserver", "0x200", "0x200"), (up("apiserver", "0x200", "1x200"),)),
    "EventsEtcdDown": Case(
        voters(("1x200",) * 3, ("1x200", "0x200", "0x200")),
        (
            voters(("1x200",) * 3, ("1x200", "1x200", "0x200")),
            # All is lost: that is another alert's.
            voters(("0x200",) * 3, ("0x200",) * 3),
            voters(("0x200",) * 3, ("1x200",) * 3),
        ),
    ),
    "ControllerWithoutLeader": Case(
        {of(LEADER, "scheduler", name="kube-scheduler"): "0x200"},
        (
            {
                of(LEADER, "scheduler", name="kube-scheduler"): "0x200",
                of(LEADER, "scheduler", name="kube-scheduler", instance="b"): "1x200",
            },
            up("scheduler", "0x200", "1x200"),
        ),
    ),
    "ControllerDown": Case(
        up("scheduler", "0x200", "1x200", member="m"),
        (up("scheduler", "0x10 1x200", member="m"), up("kubelet", "0x200")),
    ),
    "PodsWaitUnscheduled": Case(
        {of("scheduler_pending_pods", "scheduler", queue="active"): "5000x200"},
        ({of("scheduler_pending_pods", "scheduler", queue="unschedulable"): "5000x200"},),
    ),
    "NodesNotReady": Case(nodes("100x200"), (nodes("10x200"), nodes("100x5 0x200"))),
    "KubeletsSilent": Case(
        up("kubelet", *["1x200"] * 9, "0x200"), (up("kubelet", *["1x200"] * 10),)
    ),
    "KubeletCertificateExpiring": Case(
        {SERVER_TTL: f"{3 * DAY}x200"},
        ({SERVER_TTL: f"{30 * DAY}x200", CLIENT_TTL: f"{30 * DAY}x200"},),
    ),
    "LocalDiskFull": Case(
        disk("950x200"),
        (disk("800x200"), disk("950x200", "tmpfs"), {**disk("950x10 500x200")}),
    ),
    "ImagePullsFail": Case(
        operations("pull_image", 5),
        (operations("pull_image", 1), operations("container_status", 5)),
        since=1,
    ),
    "ContainersDoNotStart": Case(
        operations("run_podsandbox", 5),
        (operations("run_podsandbox", 1), operations("pull_image", 5)),
        since=1,
    ),
    "NodeProgramsSilent": Case(
        up("node-machine", *["1x200"] * 9, "0x200"), (up("node-machine", *["1x200"] * 10),)
    ),
    "DnsFails": Case(responses(5), (responses(1), responses(0)), since=1),
    "DnsSlow": Case(
        took("coredns_dns_request_duration_seconds", "kube-dns", 4),
        (took("coredns_dns_request_duration_seconds", "kube-dns", 0.1),),
        since=1,
    ),
    "DnsNearAzuresLimit": Case(
        # A rate over five minutes takes four to come near.
        {FORWARDS: f"0+{900 * 60}x200"},
        ({FORWARDS: f"0+{500 * 60}x200"},),
        since=4,
    ),
    "DnsDown": Case(
        # No pod, no target.
        up("apiserver", "1x200"),
        (up("kube-dns", "0x200", "1x200"),),
    ),
    "AutoscalerDown": Case(
        {ROUND: "0x200", **up("cluster-autoscaler", "1x200")},
        (
            {ROUND: "0+60x200", **up("cluster-autoscaler", "1x200")},
            # One of two pods leads.
            {ROUND: "0+60x200", **up("cluster-autoscaler", "1x200", "0x200")},
        ),
        since=11,
    ),
    "AutoscalerHoldsBack": Case({SAFE: "0x200"}, ({SAFE: "1x200"}, {SAFE: "0x10 1x200"})),
    "AutoscalerCannotGrow": Case({REFUSED: "0+1x200"}, ({REFUSED: "3x200"},), since=1),
    "TargetMissing": Case(every_job("kubelet"), (every_job(),)),
    "PrometheusConfigurationRefused": Case(
        {of("prometheus_config_last_reload_successful", "prometheus"): "0x200"},
        ({of("prometheus_config_last_reload_successful", "prometheus"): "1x200"},),
    ),
    "PrometheusRulesFail": Case({RULE_FAILS: "0+1x200"}, ({RULE_FAILS: "3x200"},), since=1),
    "PrometheusNearItsMemory": Case({MEMORY: "950x200", **MAY}, ({MEMORY: "800x200", **MAY},)),
    "ScrapesCutOff": Case({CUT_OFF: "0+1x200"}, ({CUT_OFF: "3x200"},), since=1),
}


@pytest.mark.parametrize(
    "file", sorted({path for path, _ in ALERTS.values()}), ids=lambda one: one.name
)
def test_promtool_accepts_the_rules(file: Path) -> None:
    done = subprocess.run([promtool_path(), "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case() -> None:
    assert set(CASES) == set(ALERTS)


@pytest.mark.parametrize("alert", CASES)
def test_the_alert_fires_after_its_time(alert: str, tmp_path: Path) -> None:
    case, (_, rule) = CASES[alert], ALERTS[alert]
    due = case.since + minutes(rule["for"])
    check(tmp_path, rule, case.fires, {due - 1: False, due + 2: True})


@pytest.mark.parametrize(
    "gone",
    [up("apiserver", "1x200"), up("cluster-autoscaler", "1x4 stale")],
    ids=["never there", "evicted"],
)
def test_an_autoscaler_without_a_pod_is_told(gone: Mapping[str, str], tmp_path: Path) -> None:
    """Then its name has no records, and Prometheus no target whose `up` could be 0."""
    _, rule = ALERTS["AutoscalerDown"]
    check(tmp_path, rule, gone, {4: False, 12: True})


@pytest.mark.parametrize(
    ("alert", "series"),
    [(alert, series) for alert, case in CASES.items() for series in case.quiet],
)
def test_the_alert_stays_quiet(alert: str, series: Mapping[str, str], tmp_path: Path) -> None:
    _, rule = ALERTS[alert]
    check(tmp_path, rule, series, dict.fromkeys(range(0, 180, 3), False))


@pytest.mark.parametrize("alert", ALERTS)
def test_the_alert_says_how_bad_it_is_and_where_to_read_on(alert: str) -> None:
    _, rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    file, _, section = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (TOP / file).read_text(), re.MULTILINE)
    assert section in [heading.lower().replace(" ", "-") for heading in headings]
    assert section == alert.lower()
