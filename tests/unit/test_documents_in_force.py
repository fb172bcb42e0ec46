"""The documents' settings in what the prod stack renders, where no test nearer to them looks."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import yaml

from config.render import machine_files
from config.settings import of_stack
from config.stack_file import REPOSITORY
from config.user_data import MACHINES
from tests.unit.test_machine_units import command

PROD = of_stack("prod")


@cache
def environment(role: str) -> dict[str, str]:
    """machine.env of prod's machines of that role."""
    text = machine_files(PROD)[role]["/etc/kilonode/machine.env"].content
    return dict(line.split("=", 1) for line in text.replace('"', "").splitlines())


@pytest.mark.parametrize("role", ["etcd", "events"])
def test_prods_etcd_takes_writes_long_after_its_defaults_limit_d4(role: str) -> None:
    """At the limit every node fails its health check, and the autoscaler ended them all."""
    assert int(environment(role)["ETCD_QUOTA_BYTES"]) == 8 * 1024**3


@pytest.mark.parametrize("limit", ["maxsize", "maxbackup", "maxage"])
def test_the_audit_log_never_fills_a_masters_disk_d6(limit: str) -> None:
    flags = dict(word.split("=", 1) for word in command("master", "kube-apiserver") if "=" in word)
    assert int(flags[f"--audit-log-{limit}"]) > 0, "0 is no limit"
    assert flags["--audit-log-compress"] == "true", "ten times as far back in the same space"


def audit_rules() -> list[dict[str, Any]]:
    text = (MACHINES / "master/etc/kilonode/audit-policy.yaml").read_text()
    rules: list[dict[str, Any]] = yaml.safe_load(text)["rules"]
    return rules


def test_the_audit_log_never_holds_what_was_read_or_written_d6() -> None:
    """Secrets above all."""
    assert {rule["level"] for rule in audit_rules()} == {"None", "Metadata"}


def test_heartbeats_do_not_push_everything_else_out_of_the_audit_log_d6() -> None:
    """Every node writes its lease six times a minute."""
    left_out = [rule for rule in audit_rules() if rule["level"] == "None"]
    groups = {one["group"] for rule in left_out for one in rule.get("resources", [])}
    assert "coordination.k8s.io" in groups


def test_prometheus_asks_the_apiservers_and_what_they_rest_on_d6() -> None:
    text = (REPOSITORY / "config/monitoring/prometheus.yaml").read_text()
    jobs = {job["job_name"] for job in yaml.safe_load(text)["scrape_configs"]}
    assert {"apiserver", "etcd", "etcd-machine", "kubelet"} <= jobs


def test_prods_machines_do_not_share_one_address_to_the_outside_d15() -> None:
    """Registries count by address, and one had a quota for each."""
    assert PROD.network.nat_addresses > 1


@pytest.mark.parametrize(
    ("name", "archive"), [("pause-image", "pause"), ("preloaded-images", "pool")]
)
def test_both_archives_are_loaded_by_units_of_their_own_d15(name: str, archive: str) -> None:
    """One before the kubelet and one after it."""
    assert command("node", name) == ["/opt/kilonode/bin/load-images", archive]


def test_nodes_wait_for_some_seconds_before_they_join_e5() -> None:
    words = command("common", "bundle")
    assert float(words[words.index("--node-jitter") + 1]) >= 5


def test_docker_is_a_version_that_keeps_images_below_its_root_d12() -> None:
    """From 29 on, a fresh machine has them in containerd's store, whatever its driver is."""
    package, _, version = environment("node-cpu")["DOCKER_PACKAGE"].partition("=")
    assert package == "docker.io"
    assert int(version.split(".")[0]) < 29
