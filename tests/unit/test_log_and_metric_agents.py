"""Fluentd and Datadog: whoever runs on every node asks the API nothing (D7)."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from components.addons import datadog, fluentd
from components.addons.manifests import Manifest
from components.addons.plan import ClusterFacts, Plan
from config.artifacts import catalog
from config.settings import SettingsError, load
from config.topology import topology
from tests.unit.program_recorder import run
from tests.unit.program_recorder import settings as program_settings
from tests.unit.settings_samples import raw, settings

KEY = "5ec2e7" + "0" * 26
ENCODED = base64.b64encode(KEY.encode()).decode()
ON = {
    "addons.fluentd": {"forwardTo": "logs.example.com:24224"},
    "addons.datadog": {},
    "datadogApiKey": KEY,
}


def planned(planner: Any, changes: dict[str, Any] | None = None) -> list[Manifest]:
    chosen = settings(ON | (changes or {}))
    plan: Plan | None = planner(ClusterFacts(chosen, topology(chosen), catalog().images))
    assert plan
    return list(plan.manifests)


def one(found: list[Manifest], kind: str, name: str) -> Manifest:
    (match,) = (x for x in found if x["kind"] == kind and x["metadata"]["name"] == name)
    return match


def environment(workload: Manifest) -> dict[str, str]:
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def test_fluentd_cannot_ask_the_api() -> None:
    """LIST and WATCH of pods from every node read 500 MB/s from etcd."""
    found = planned(fluentd.plan)
    pod = one(found, "DaemonSet", "fluentd")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert not {"ClusterRole", "Role", "ServiceAccount"} & {x["kind"] for x in found}
    text = one(found, "ConfigMap", "fluentd")["data"]["fluent.conf"]
    assert "kubernetes_metadata" not in re.sub(r"#.*", "", text)


@pytest.mark.parametrize(
    ("field", "expected"), [("namespace", "batch"), ("pod", "train-0"), ("container", "worker")]
)
def test_fluentd_reads_whose_a_line_is_from_its_files_name(field: str, expected: str) -> None:
    text = fluentd.CONFIGURATION.read_text()
    (ruby,) = re.findall(rf"^    {field} \$\{{(.*)\}}$", text, re.MULTILINE)
    # The steps are the same in Ruby and in Python but for the name of the record.
    path = "/var/log/pods/batch_train-0_8f2c/worker/0.log"
    steps = re.fullmatch(r'record\["path"\]((?:\.split\("."\)\[\d\])+)', ruby)
    assert steps
    value: Any = path
    for separator, index in re.findall(r'split\("(.)"\)\[(\d)\]', steps[1]):
        value = value.split(separator)[int(index)]
    assert value == expected


def test_what_fluentd_keeps_for_an_absent_receiver_is_bounded_and_on_the_local_disk() -> None:
    found = planned(fluentd.plan)
    pods = one(found, "DaemonSet", "fluentd")
    volumes = {x["name"]: x for x in pods["spec"]["template"]["spec"]["volumes"]}
    assert volumes["state"]["hostPath"]["path"].startswith("/mnt/local/")
    assert environment(pods)["BUFFER_MIB"] == "2048"
    text = fluentd.CONFIGURATION.read_text()
    assert "total_limit_size \"#{ENV['BUFFER_MIB']}MB\"" in text
    assert "overflow_action drop_oldest_chunk" in text


def test_every_variable_of_fluentds_configuration_is_set() -> None:
    asked = set(re.findall(r"ENV\['(\w+)'\]", fluentd.CONFIGURATION.read_text()))
    assert asked == set(environment(one(planned(fluentd.plan), "DaemonSet", "fluentd")))


def test_an_agent_of_datadogs_on_a_node_may_read_its_kubelet_and_nothing_else() -> None:
    role = one(planned(datadog.plan), "ClusterRole", "kilonode:datadog-agent")
    for rule in role["rules"]:
        assert rule["verbs"] == ["get"], "no LIST and no WATCH"
        assert all(name.startswith("nodes/") for name in rule["resources"])
        assert "nodes/proxy" not in rule["resources"], "it runs commands in containers"


@pytest.mark.parametrize("events", [False, True])
def test_events_are_the_cluster_agents_alone(events: bool) -> None:
    found = planned(datadog.plan, {"addons.datadog": {"events": events}})
    node = environment(one(found, "DaemonSet", "datadog-agent"))
    cluster = environment(one(found, "Deployment", "datadog-cluster-agent"))
    assert node["DD_COLLECT_KUBERNETES_EVENTS"] == node["DD_LEADER_ELECTION"] == "false"
    assert cluster["DD_COLLECT_KUBERNETES_EVENTS"] == str(events).lower()
    assert cluster["DD_LEADER_ELECTION"] == "true", "two of them, and one asks"


def test_agents_on_nodes_ask_the_cluster_agent_seldom() -> None:
    node = environment(one(planned(datadog.plan), "DaemonSet", "datadog-agent"))
    assert node["DD_CLUSTER_AGENT_ENABLED"] == "true"
    assert int(node["DD_KUBERNETES_METADATA_TAG_UPDATE_FREQ"]) >= 300
    assert node["DD_KUBELET_TLS_VERIFY"] == "true"


def test_datadogs_key_is_in_its_secret_alone_and_no_preview_shows_it() -> None:
    for manifest in planned(datadog.plan):
        assert (ENCODED in json.dumps(manifest)) == (manifest["kind"] == "Secret")
        assert KEY not in json.dumps(manifest)
    recording = run(
        program_settings(addons={"datadog": {}}) | {"kilonode:datadogApiKey": KEY}, known=True
    )
    holders = [x for x in recording.registrations if ENCODED in json.dumps(x.inputs, default=str)]
    assert [x.type for x in holders] == ["kubernetes:core/v1:Secret"]
    wrapped = holders[0].inputs["data"]
    assert "4dabf18193072939515e22adb298388d" in json.dumps(wrapped), (
        "the engine's mark of a secret"
    )


def test_no_message_shows_datadogs_key() -> None:
    broken = raw(ON | {"datadogApiKey": [KEY], "clusterName": "Not_A_Name"})
    with pytest.raises(SettingsError) as refused:
        load(broken)
    assert "datadogApiKey" in str(refused.value)
    assert KEY not in str(refused.value)
    assert KEY not in repr(settings(ON))


def test_a_stack_file_read_without_pulumi_has_its_secret_encrypted() -> None:
    assert settings(ON | {"datadogApiKey": {"secure": "v1:abc:def"}}).datadog_api_key


def test_images_that_no_registry_here_serves_are_pinned_by_what_is_known_of_them() -> None:
    images = catalog().images
    assert re.search(r"@sha256:[0-9a-f]{64}$", images["fluentd"])
    for name in ("datadog-agent", "datadog-cluster-agent"):
        assert re.search(r":7\.\d+\.\d+$", images[name])
