"""Every alert on etcd fires when it should, with what its summary names, and not else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.monitoring.promtool import Case, minutes, promtool_path

TOP = Path(__file__).parents[2]
RULES = TOP / "config/monitoring/etcd.rules.yaml"
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
RECORDS = {rule["record"]: rule for group in GROUPS for rule in group["rules"] if "record" in rule}
DAY = 86400


def of(metric: str, member: str = "a", job: str = "etcd", kind: str = "voter", **more: str) -> str:
    """A series of the main cluster."""
    labels = {"job": job, "etcd": "main", "member": f"prod-etcd-{member}", "kind": kind, **more}
    return metric + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def told(metric: str, **labels: str) -> str:
    """A series of a machine's own programs."""
    return of(metric, job="etcd-machine", **labels)


def up(*values: str) -> dict[str, str]:
    """Of members a, b, c …"""
    return {of("up", letter): value for letter, value in zip("abcde", values, strict=False)}


def slow(metric: str, faster_than: float) -> dict[str, str]:
    """One write a second, all in the bucket that begins at half of `faster_than` seconds."""
    return {
        of(f"{metric}_bucket", le=str(faster_than / 2)): "0x200",
        of(f"{metric}_bucket", le=str(faster_than)): "0+60x200",
        of(f"{metric}_bucket", le="+Inf"): "0+60x200",
    }


FSYNC, COMMIT = "etcd_disk_wal_fsync_duration_seconds", "etcd_disk_backend_commit_duration_seconds"
FLOOR = {told("kilonode_etcd_disk_fsync_floor_seconds"): "0.01x200"}
P99 = "kilonode_etcd_disk_fsync_p99_seconds"
APPLIED = "etcd_server_proposals_applied_total"
LEARNS = {of("etcd_server_is_learner", "d", kind="learner"): "1x200"}
QUOTA = {of("etcd_server_quota_backend_bytes"): "1000x200"}
IN_USE = "etcd_mvcc_db_total_size_in_use_in_bytes"
EXPIRY = told("kilonode_certificate_expiry_timestamp_seconds", file="member.crt")
CARE = "kilonode_etcd_care_last_run_timestamp_seconds"
SNAPSHOT = "kilonode_etcd_snapshot_newest_timestamp_seconds"
INTERVAL = told("kilonode_etcd_snapshot_interval_seconds")

CASES = {
    "EtcdQuorumLost": Case(
        up("1x200", "0x200", "0x200"),
        (up("1x200", "1x200", "0x200"), up("1x200", "1x200", "1x200", "0x200", "0x200")),
    ),
    "EtcdQuorumAtRisk": Case(
        up("1x200", "1x200", "0x200"),
        (
            up("1x200", "1x200", "1x200"),
            # An events cluster of one has nobody to lose; of five, four are no reason to get up.
            up("1x200"),
            up("1x200", "1x200", "1x200", "1x200", "0x200"),
            # A durable learner that is down is no voter.
            {**up("1x200", "1x200", "1x200"), of("up", "d", kind="learner"): "0x200"},
            # What heals within minutes.
            up("1x200", "1x200", "1x10 0x8 1x200"),
        ),
    ),
    "EtcdMemberDown": Case(up("0x200"), (up("1x10 0x8 1x200"),)),
    "EtcdNoLeader": Case(
        {of("etcd_server_has_leader"): "0x200"}, ({of("etcd_server_has_leader"): "1x200"},)
    ),
    "EtcdLeaderChanges": Case(
        {of("etcd_server_leader_changes_seen_total"): "0x10 10x200"},
        ({of("etcd_server_leader_changes_seen_total"): "0x10 1x10 2x200"},),
        since=11,
    ),
    "EtcdMemberWaiting": Case(
        {told("kilonode_etcd_member_decision", step="Wait"): "1x200"},
        ({told("kilonode_etcd_member_decision", step="Join"): "1x200"},),
    ),
    "EtcdLearnerLagging": Case(
        {of(APPLIED): "90000x200", of(APPLIED, "d", kind="learner"): "80000x200", **LEARNS},
        (
            {of(APPLIED): "90000x200", of(APPLIED, "d", kind="learner"): "89000x200", **LEARNS},
            # A voter is not waited for: it says itself that it is not healthy.
            {of(APPLIED): "90000x200", of(APPLIED, "b"): "80000x200"},
        ),
    ),
    "EtcdFsyncSlow": Case(
        {**slow(FSYNC, 0.064), **FLOOR}, ({**slow(FSYNC, 0.008), **FLOOR},), since=1
    ),
    "EtcdCommitSlow": Case(slow(COMMIT, 0.064), (slow(COMMIT, 0.016),), since=1),
    "EtcdDiskBelowFloor": Case(
        {told(P99): "0.02x200", **FLOOR}, ({told(P99): "0.002x200", **FLOOR},)
    ),
    "EtcdDiskUnmeasured": Case(FLOOR, ({told(P99): "0.02x200", **FLOOR},)),
    "EtcdNearQuota": Case(
        {of(IN_USE): "900x200", **QUOTA},
        (
            {of(IN_USE): "700x200", **QUOTA},
            # A full file whose space is free is care's own business.
            {of("etcd_mvcc_db_total_size_in_bytes"): "990x200", of(IN_USE): "100x200", **QUOTA},
        ),
    ),
    "EtcdAlarm": Case(
        {told("kilonode_etcd_alarms", alarm="NOSPACE"): "1x200"},
        (
            {told("kilonode_etcd_alarms", alarm="NOSPACE"): "0x200"},
            {told("kilonode_etcd_alarms", alarm="NOSPACE"): "0x10 1x3 0x200"},
        ),
    ),
    "EtcdCareStopped": Case(
        {told("up"): "1x200", told(CARE): "0x200"},
        ({told("up"): "1x200", told(CARE): "0+60x200"},),
        since=15,
    ),
    "EtcdSnapshotOld": Case(
        {told(SNAPSHOT): "0x200", told(SNAPSHOT, member="b"): "0x200", INTERVAL: "900x200"},
        (
            # Each machine tells what it saw last; one that took none lately is no reason.
            {told(SNAPSHOT): "0x200", told(SNAPSHOT, member="b"): "0+60x200", INTERVAL: "900x200"},
            # Hourly ones, of which a sick machine missed its own: another stands in.
            {told(SNAPSHOT): "0x200", INTERVAL: "3600x200"},
            # One a minute, and they take long.
            {told(SNAPSHOT): "0x60 3600x60 7200x60", INTERVAL: "60x200"},
        ),
        since=61,
    ),
    "EtcdSnapshotMissing": Case(
        up("1x200", "1x200"), ({**up("1x200", "1x200"), told(SNAPSHOT): "0+60x200"},)
    ),
    "EtcdCertificateExpiring": Case({EXPIRY: f"{20 * DAY}x200"}, ({EXPIRY: f"{40 * DAY}x200"},)),
    "EtcdCertificateEnding": Case({EXPIRY: f"{5 * DAY}x200"}, ({EXPIRY: f"{20 * DAY}x200"},)),
    "EtcdMachineSilent": Case(
        {told("up"): "0x200"}, ({told("up"): "1x200"}, {told("up"): "1x10 0x12 1x200"})
    ),
}


def check(folder: Path, alert: str, series: Mapping[str, str], firing: Mapping[int, bool]) -> None:
    """`firing`: by minute, whether the alert does, with all labels that its summary names."""
    named = re.findall(r"\$labels\.(\w+)", ALERTS[alert]["annotations"]["summary"])
    labels = "".join(f',{name}=~".+"' for name in named)
    expression = f'count(ALERTS{{alertname="{alert}",alertstate="firing"{labels}}})'
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": key, "values": value} for key, value in series.items()],
                "promql_expr_test": [
                    {
                        "expr": expression,
                        "eval_time": f"{minute}m",
                        "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
                    }
                    for minute, fires in firing.items()
                ],
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(test))
    done = subprocess.run([promtool_path(), "test", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run(
        [promtool_path(), "check", "rules", RULES], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case() -> None:
    assert set(CASES) == set(ALERTS)


@pytest.mark.parametrize("alert", CASES)
def test_the_alert_fires_after_its_time(alert: str, tmp_path: Path) -> None:
    case = CASES[alert]
    due = case.since + minutes(ALERTS[alert]["for"])
    check(tmp_path, alert, case.fires, {due - 1: False, due + 2: True})


def test_care_that_has_never_run_is_care_that_stopped(tmp_path: Path) -> None:
    firing = {minutes(ALERTS["EtcdCareStopped"]["for"]): True}
    check(tmp_path, "EtcdCareStopped", {told("up"): "1x200"}, firing)


@pytest.mark.parametrize(
    ("alert", "series"),
    [(alert, series) for alert, case in CASES.items() for series in case.quiet],
)
def test_the_alert_stays_quiet(alert: str, series: Mapping[str, str], tmp_path: Path) -> None:
    check(tmp_path, alert, series, dict.fromkeys(range(0, 180, 3), False))


@pytest.mark.parametrize("alert", ALERTS)
def test_the_alert_says_how_bad_it_is_and_where_to_read_on(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    file, _, section = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (TOP / file).read_text(), re.MULTILINE)
    assert section in [heading.lower().replace(" ", "-") for heading in headings]


def asked_for() -> set[str]:
    """The metrics that rules ask for and no rule records."""
    expressions = [rule["expr"] for rule in (*ALERTS.values(), *RECORDS.values())]
    names = {
        name
        for expression in expressions
        for name in re.findall(r"[a-z0-9_:]+", re.sub(r'"[^"]*"', "", expression))
        if name.startswith(("etcd_", "kilonode_")) or ":" in name
    }
    return names - set(RECORDS)
