"""Prometheus with the stack's own configuration, beside a real control plane and real CoreDNS.

A rule on a misspelt metric never fires, and a panel of one stays empty: both look as if all were
well.
What nodes tell is asked for in the cluster tests.
"""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.addons import prometheus as addon
from components.addons.plan import ClusterFacts
from config.artifacts import catalog
from tests import promql
from tests.api.control_plane import ControlPlane, eventually
from tests.api.told_once import NODE_STATUS, PLACED, REFUSED
from tests.promql import Prometheus, Selector

ACCOUNT = "system:serviceaccount:monitoring:prometheus"
RUNS_HERE = {"apiserver", "controller-manager", "scheduler", "etcd", "kube-dns", "prometheus"}
# What Prometheus itself makes for every target.
OF_ALL_JOBS = {"up", "scrape_samples_post_metric_relabeling"}
QUESTION = b"\x00\x01\x01\x00\x00\x01" + bytes(6) + b"\x07example\x03com\x00\x00\x01\x00\x01"


@pytest.fixture(scope="module")
def stack(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A whole master, with the objects of the add-on that do not run anything."""
    made = ControlPlane(tmp_path_factory.mktemp("control-plane"), programs)
    try:
        made.start("kube-controller-manager", "kube-scheduler")
        plan = addon.plan(ClusterFacts(made.settings, made.topology, catalog().images))
        assert plan
        made.api.apply(yaml.safe_dump_all(plan.manifests))
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def dns(stack: ControlPlane, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """CoreDNS that forwards to itself; the address of its metrics."""
    corefile = tmp_path_factory.mktemp("dns") / "Corefile"
    address = stack.address
    corefile.write_text(
        f".:5353 {{\n bind {address}\n prometheus {address}:9153\n forward . {address}:5354\n}}\n"
        f".:5354 {{\n bind {address}\n whoami\n}}\n"
    )
    process = subprocess.Popen(
        [programs / "coredns", "-conf", corefile],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: answered(address), "CoreDNS answers")
        yield f"{address}:9153"
    finally:
        process.kill()
        process.wait()


def answered(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(1)
        asked.sendto(QUESTION, (address, 5353))
        try:
            return len(asked.recv(512)) > len(QUESTION)
        except OSError:
            return False


def rendered(stack: ControlPlane, folder: Path, dns: str) -> Path:
    """/etc/prometheus and the account's files in `folder`: the one master, and faster."""
    wanted = stack.settings.addons.prometheus
    assert wanted
    known = dataclasses.replace(stack.topology, masters=stack.topology.masters[:1])
    cluster = ClusterFacts(stack.settings, known, catalog().images)
    for name, text in addon.files(wanted, cluster).items():
        text = text.replace("/etc/prometheus", str(folder))
        (folder / name).write_text(
            text.replace("/var/run/secrets/kubernetes.io/serviceaccount", str(folder))
        )
    token = stack.api.kubectl("create", "token", "prometheus", "--namespace=monitoring")
    (folder / "token").write_text(token.strip())
    authority = stack.master.path("/etc/kilonode/pki/kubernetes/ca.crt")
    (folder / "ca.crt").write_bytes(authority.read_bytes())
    file = folder / "prometheus.yaml"
    configuration = yaml.safe_load(file.read_text())
    configuration["global"] |= {"scrape_interval": "2s", "scrape_timeout": "2s"}
    configuration["global"]["evaluation_interval"] = "2s"
    for job in configuration["scrape_configs"]:
        job.pop("scrape_interval", None)
        # Outside of a cluster there are neither its names nor its environment.
        if job.pop("dns_sd_configs", None):
            job["static_configs"] = [{"targets": [dns] if job["job_name"] == "kube-dns" else []}]
        for discovery in job.get("kubernetes_sd_configs", []):
            discovery |= {
                "api_server": f"https://{stack.address}:6443",
                "authorization": job.get("authorization", {"credentials_file": f"{folder}/token"}),
                "tls_config": {"ca_file": f"{folder}/ca.crt"},
            }
        if job["job_name"] == "prometheus":
            job["static_configs"] = [{"targets": [f"{stack.address}:9090"]}]
    file.write_text(yaml.safe_dump(configuration))
    return file


@pytest.fixture(scope="module")
def prometheus(
    stack: ControlPlane, programs: Path, dns: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """It has seen requests that were refused, and a pod that was placed."""
    folder = tmp_path_factory.mktemp("prometheus")
    file = rendered(stack, folder, dns)
    base = f"http://{stack.address}:9090/api/v1/"

    def fetch(path: str) -> bytes:
        try:
            with urllib.request.urlopen(base + path, timeout=30) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            return error.read()

    stack.api.apply(PLACED)
    stack.api.kubectl(
        *("patch", "node", "cpu-a-000000", "--subresource=status", "--type=merge"),
        f"--patch={json.dumps(NODE_STATUS)}",
    )
    with socket.create_server((stack.address, 0)) as never:
        stack.api.apply(REFUSED.replace("ADDRESS", f"{stack.address}:{never.getsockname()[1]}"))
        eventually(lambda: turned_away(stack), "somebody is turned away")
        stack.api.kubectl("delete", "validatingwebhookconfiguration", "never")
    eventually(
        lambda: stack.api.get("pod/placed", "--namespace=monitoring")["spec"].get("nodeName"),
        "the pod is placed",
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                programs / "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={stack.address}:9090",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        client = Prometheus(fetch)
        eventually(lambda: told(client, process, folder / "log"), "every job was scraped")
        yield client
    finally:
        process.kill()
        process.wait()


def turned_away(stack: ControlPlane) -> bool:
    """Whether one of two requests at once was, where there is place for one."""
    user = stack.user("refused")
    with ThreadPoolExecutor() as pool:
        for name in ("one", "two"):
            pool.submit(user.shown, "create", "configmap", name, "--namespace=monitoring")
    told = stack.api.kubectl("get", "--raw", "/metrics")
    return bool(re.search(r'^apiserver_request_terminations_total{code="429"', told, re.MULTILINE))


def told(client: Prometheus, process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether all that runs here was scraped twice, so that rates are known."""
    assert process.poll() is None, log.read_text()[-4000:]
    try:
        counts = client.query('count by (job) (count_over_time(up{job!=""}[1m]) >= 3)')
    except (OSError, ValueError):
        # While it loads, it answers in words.
        return False
    return {one["metric"]["job"] for one in counts} >= RUNS_HERE


@pytest.mark.parametrize("job", sorted(RUNS_HERE))
def test_every_target_shows_a_certificate_that_prometheus_believes(
    prometheus: Prometheus, job: str
) -> None:
    """D6."""
    targets = prometheus.targets()[job]
    eventually(
        lambda: all(one["health"] == "up" for one in prometheus.targets()[job]),
        f"{[(one['scrapeUrl'], one['lastError']) for one in targets]}",
    )


def test_every_rule_is_loaded_and_can_be_evaluated(prometheus: Prometheus) -> None:
    found = {one["name"]: one for one in prometheus.rules()}
    assert set(found) == {one.get("alert") or one["record"] for one in promql.rules()}
    eventually(
        lambda: all(one["health"] == "ok" for one in prometheus.rules()),
        f"rules in health: {[one['lastError'] for one in found.values() if one.get('lastError')]}",
    )


def test_every_panel_gets_an_answer(prometheus: Prometheus) -> None:
    for where, expression in promql.dashboard_queries().items():
        try:
            prometheus.query(expression)
        except AssertionError as error:
            pytest.fail(f"{where}: {error}")


def asked(prometheus: Prometheus) -> set[Selector]:
    expressions = [one["expr"] for one in promql.rules()] + [*promql.dashboard_queries().values()]
    return {one for text in expressions for one in prometheus.selectors(text)}


def test_whoever_reads_a_metric_says_of_which_job_or_a_rule_records_it(
    prometheus: Prometheus,
) -> None:
    jobs = {
        one["job_name"] for one in yaml.safe_load(addon.CONFIGURATION.read_text())["scrape_configs"]
    }
    for selector in asked(prometheus):
        if selector.metric in promql.recorded() | OF_ALL_JOBS:
            continue
        assert ":" not in selector.metric, f"no rule records {selector.metric}"
        assert selector.jobs, f"{selector.metric} of which job?"
        assert set(selector.jobs) <= jobs, f"no such job: {selector}"


def test_every_metric_that_rules_and_panels_ask_for_exists(prometheus: Prometheus) -> None:
    known = promql.recorded() | OF_ALL_JOBS
    wanted = {
        (one.metric, job)
        for one in asked(prometheus)
        for job in one.jobs
        if one.metric not in known and job in RUNS_HERE
    }
    assert len(wanted) > 20

    def missing() -> list[tuple[str, str]]:
        return sorted(
            (metric, job)
            for metric, job in wanted
            if not prometheus.query(f'count({{__name__="{metric}", job="{job}"}})')
        )

    eventually(lambda: not missing(), f"nobody tells {missing()}")


def test_of_the_api_prometheus_asks_for_nodes_and_metrics_alone(
    prometheus: Prometheus, stack: ControlPlane
) -> None:
    """D7."""
    log = stack.master.path("/var/log/kilonode/audit.log").read_text().splitlines()
    entries = [one for line in log if (one := json.loads(line))["user"]["username"] == ACCOUNT]
    seen = {
        (one["verb"], one.get("objectRef", {}).get("resource") or one["requestURI"])
        for one in entries
    }
    assert seen <= {("list", "nodes"), ("watch", "nodes"), ("get", "/metrics")}
    assert ("get", "/metrics") in seen
    # Its WATCH is still under way, and logged when it has ended.
    (node,) = prometheus.targets()["kubelet"]
    assert node["labels"]["node"] == "cpu-a-000000"


@pytest.mark.parametrize("what", ["pods", "events", "endpoints", "endpointslices", "secrets"])
def test_prometheus_may_not_list_what_changes_all_the_time(stack: ControlPlane, what: str) -> None:
    """D7."""
    said = stack.api.refusal("auth", "can-i", "list", what, "--all-namespaces", f"--as={ACCOUNT}")
    assert "error" not in said.lower(), said


def test_metrics_of_masters_are_for_those_who_may_read_them(
    prometheus: Prometheus, stack: ControlPlane
) -> None:
    """All nodes reach the ports."""
    authority = stack.master.path("/etc/kilonode/pki/kubernetes/ca.crt")
    trusted = ssl.create_default_context(cafile=str(authority))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
    )
    for target in [*prometheus.targets()["controller-manager"], *prometheus.targets()["scheduler"]]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            opener.open(target["scrapeUrl"], timeout=30)
        assert refused.value.code in (401, 403)
