"""Add-ons: manifests and their values, and what becomes of them in the program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi_kubernetes
import pytest

from components.addons import manifests, quantities
from components.addons.manifests import Manifest
from config.artifacts import catalog
from config.node_files import DNS_CACHE
from config.settings import load, raw_settings
from config.stack_file import configuration
from config.user_data import MACHINES
from tests.unit.planned_addons import addons_of, planned
from tests.unit.program_recorder import Recording, recorded
from tests.unit.settings_samples import settings

WORKLOADS = {"DaemonSet", "Deployment", "Job", "StatefulSet"}


ALL = [
    pytest.param(one, id=f"{name}-{one['kind']}-{one['metadata']['name']}")
    for name, found in addons_of("prod").items()
    for one in found
]
PODS = [one for one in ALL if one.values[0]["kind"] in WORKLOADS]  # type: ignore[index]
DAEMONS = [one for one in PODS if one.values[0]["kind"] == "DaemonSet"]  # type: ignore[index]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(manifests, "_FOLDER", tmp_path)
    return tmp_path


def filled(folder: Path, text: str, **values: Any) -> Any:
    (folder / "one.yaml").write_text(text)
    (document,) = manifests.manifests(".", values)
    return document


def test_a_value_keeps_its_type_where_it_stands_alone(folder: Path) -> None:
    """Strict validation refuses `replicas: "3"`."""
    document = filled(folder, 'a: ["${n}", "x-${n}"]', n=3)
    assert document == {"a": [3, "x-3"]}


def test_none_leaves_its_key_out(folder: Path) -> None:
    assert filled(folder, "{a: 1, b: '${nothing}'}", nothing=None) == {"a": 1}


def test_other_dollars_are_left_to_those_who_read_them(folder: Path) -> None:
    text = "args: [--node=$(NODE_NAME), 'on {{ $labels.instance }}']"
    assert filled(folder, text) == {"args": ["--node=$(NODE_NAME)", "on {{ $labels.instance }}"]}


def test_a_place_without_a_value_is_a_mistake(folder: Path) -> None:
    with pytest.raises(KeyError, match="image"):
        filled(folder, "a: ${image}")


def test_a_value_without_a_place_is_a_mistake(folder: Path) -> None:
    with pytest.raises(ValueError, match="has a place for image"):
        filled(folder, "a: b", image="x")


def test_a_list_cannot_stand_inside_a_text(folder: Path) -> None:
    with pytest.raises(TypeError, match="names stands inside a text"):
        filled(folder, "a: --names=${names}", names=["x"])


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_no_two_add_ons_declare_the_same_object(stack: str) -> None:
    """The real provider (pulumi-kubernetes 4.29 and later) creates nothing that is there."""
    found = [
        (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])
        for manifests in addons_of(stack).values()
        for one in manifests
    ]
    assert [one for one in set(found) if found.count(one) > 1] == []


@pytest.mark.parametrize("manifest", ALL)
def test_a_manifest_has_a_type_that_the_real_provider_knows(manifest: Manifest) -> None:
    known = (Path(pulumi_kubernetes.__file__).parent / "__init__.py").read_text()
    assert f'"{manifests.token(manifest)}"' in known


@pytest.mark.parametrize("manifest", PODS)
def test_pods_ask_for_what_they_need_and_run_before_or_after_others_on_purpose(
    manifest: Manifest,
) -> None:
    pod = manifest["spec"]["template"]["spec"]
    assert pod.get("priorityClassName"), "or batch work pushes it off"
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        assert container.get("resources", {}).get("requests"), container["name"]
        assert container["image"] in catalog().images.values()


@pytest.mark.parametrize("manifest", DAEMONS)
def test_an_update_waits_for_no_daemon_on_thousands_of_nodes(manifest: Manifest) -> None:
    assert manifest["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


def test_no_update_waits_for_the_endpoints_of_a_service() -> None:
    """Nobody writes any (E4), and the real provider waits for them for as long as it may: for those
    of all Services but the headless ones (pulumi-kubernetes #3623)."""
    changes = {
        "addons": {"datadog": {}, "metricsServer": {}, "prometheus": {}},
        "datadogApiKey": "0123456789abcdef" * 2,
    }
    services = [
        one
        for manifests in planned(settings(changes)).values()
        for one in manifests
        if one["kind"] == "Service" and one["spec"].get("clusterIP") != "None"
    ]
    assert {one["metadata"]["name"] for one in services} == {
        "datadog-cluster-agent",
        "kube-dns",
        "metrics-server",
        "prometheus",
    }
    for one in services:
        assert one["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true"


@pytest.fixture(params=[False, True], ids=["unknown", "known"])
def prod(request: pytest.FixtureRequest) -> Recording:
    return recorded("prod", request.param)


def test_every_object_is_declared_once_below_its_add_on(prod: Recording) -> None:
    for name, found in addons_of("prod").items():
        addon = prod.named(f"prod-{name}")
        children = [one for one in prod.registrations if one.parent == addon.urn]
        assert len(children) == len(found)
        assert {one.type for one in children} == {manifests.token(one) for one in found}
        provider = prod.named("prod-kubernetes").urn
        assert all(one.provider.startswith(provider) for one in children)


def test_namespaces_come_first_then_rights_then_pods_and_what_calls_them_last(
    prod: Recording,
) -> None:
    """An aggregated API without pods behind it hinders even the deletion of namespaces."""
    names = {one.urn: one.name for one in prod.registrations}
    pods = prod.named("prod-metrics-server-deployment-metrics-server")
    assert {
        "prod-metrics-server-clusterrole-system:metrics-server",
        "prod-metrics-server-service-metrics-server",
    } <= {names[urn] for urn in pods.dependencies}
    namespace = prod.named("prod-prometheus-namespace-monitoring")
    account = prod.named("prod-prometheus-serviceaccount-prometheus")
    assert namespace.urn in account.dependencies, "the API refuses what is in no namespace"
    called = prod.named("prod-metrics-server-apiservice-v1beta1.metrics.k8s.io")
    assert called.dependencies >= {pods.urn}


def test_metrics_server_is_sized_for_the_nodes_that_there_may_be() -> None:
    (pods,) = (one for one in addons_of("prod")["metrics-server"] if one["kind"] == "Deployment")
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "2503m", "memory": "5006Mi"}


def test_metrics_server_believes_only_kubelets_that_the_cluster_signed_for() -> None:
    text = json.dumps(addons_of("prod")["metrics-server"])
    assert "--kubelet-certificate-authority=/var/run/secrets" in text
    assert "--kubelet-insecure-tls" not in text


def balloon(stack: str, pool: str, share: int) -> Any:
    changed = dict(configuration(stack))
    changed["kilonode:addons"] = {"balloons": {pool: {"count": 2, "percentOfNode": share}}}
    (_, _, found) = planned(load(raw_settings(changed)))["balloons"]
    return found["spec"]["template"]["spec"]


def test_a_balloon_leaves_its_place_at_once_and_pushes_nobody_off_e9() -> None:
    (_, priority, _) = addons_of("prod")["balloons"]
    assert priority["value"] == -10, "below every other, and still worth a node to the autoscaler"
    assert priority["preemptionPolicy"] == "Never"
    pod = balloon("prod", "cpu", 50)
    (term,) = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname", "or a packing scheduler fills one node"
    assert pod["priorityClassName"] == priority["metadata"]["name"]
    assert pod["terminationGracePeriodSeconds"] == 0
    assert not [one for one in addons_of("prod")["balloons"] if "Budget" in one["kind"]]


def test_balloons_hold_gpus_too_and_run_where_their_pool_is() -> None:
    pod = balloon("prod", "gpu", 50)
    (container,) = pod["containers"]
    # Half of four GPUs, 64 vCPUs and 440 GiB, of which the node's own are taken off first.
    assert container["resources"]["requests"] == {
        "cpu": "31900m",
        "memory": "213454Mi",
        "nvidia.com/gpu": "2",
    }
    assert container["resources"]["limits"] == container["resources"]["requests"]
    assert pod["nodeSelector"] == {"kilonode.io/pool": "gpu"}
    assert pod["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    ]


def test_a_balloon_tolerates_a_taint_without_a_value_as_the_api_writes_it() -> None:
    changed = dict(configuration("prod"))
    pools = changed["kilonode:nodePools"]
    changed["kilonode:nodePools"] = {**pools, "cpu": {**pools["cpu"], "taints": ["a:NoExecute"]}}
    changed["kilonode:addons"] = {"balloons": {"cpu": {"count": 2}}}
    (_, _, found) = planned(load(raw_settings(changed)))["balloons"]
    tolerated = found["spec"]["template"]["spec"]["tolerations"]
    assert tolerated == [{"key": "a", "operator": "Equal", "effect": "NoExecute"}]


@pytest.mark.parametrize(("millicores", "written"), [(2000, "2"), (2500, "2500m"), (50, "50m")])
def test_cpu_is_written_as_the_api_writes_it(millicores: int, written: str) -> None:
    """Else every refresh finds a difference, and every update changes nothing again."""
    assert quantities.cores(millicores) == written


@pytest.mark.parametrize(("mebibytes", "written"), [(2048, "2Gi"), (2500, "2500Mi")])
def test_memory_is_written_as_the_api_writes_it(mebibytes: int, written: str) -> None:
    assert quantities.memory(mebibytes) == written


def test_a_machine_has_the_address_that_its_dns_cache_answers_on() -> None:
    """The unit is a file for people to read, so the address stands there once more."""
    unit = MACHINES / "node/etc/systemd/system/dns-cache-address.service"
    assert f"address replace {DNS_CACHE}/32 dev lo" in unit.read_text()
    config, daemons = addons_of("prod")["node-local-dns"]
    assert daemons["spec"]["template"]["spec"]["hostNetwork"] is True
    assert config["data"]["Corefile"].count(f"bind {DNS_CACHE}\n") == 2
