"""Add-ons before a real apiserver and a real scheduler."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from components.addons.manifests import Manifest
from tests.api.control_plane import Api, ControlPlane, eventually
from tests.unit.planned_addons import addons_of

ADDONS = addons_of("prod")
# A dry run leaves nothing behind that objects of these could be put into.
PLACES = ("Namespace", "CustomResourceDefinition")
DRY_RUN = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename=-")
BALLOONS = "kilonode-balloons"


def listed(manifests: Sequence[Manifest]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


@pytest.mark.parametrize("addon", ADDONS)
def test_every_manifest_is_accepted_to_the_last_field(api: Api, addon: str) -> None:
    places = [one for one in ADDONS[addon] if one["kind"] in PLACES]
    if places:
        api.apply(listed(places))
    said = json.loads(api.kubectl(*DRY_RUN, "--output=json", stdin=listed(ADDONS[addon])))
    answers = said["items"] if said["kind"] == "List" else [said]
    for wanted, answer in zip(ADDONS[addon], answers, strict=True):
        what = f"{wanted['kind']} {wanted['metadata']['name']}"
        assert seen(wanted, answer) == wanted, f"every refresh would find another {what}"


def seen(wanted: Any, answer: Any) -> Any:
    """What the API makes of the values that were given; its defaults left out."""
    if isinstance(wanted, dict) and isinstance(answer, dict):
        return {key: seen(value, answer.get(key)) for key, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(answer, list) and len(wanted) == len(answer):
        return [seen(*pair) for pair in zip(wanted, answer, strict=True)]
    return answer


def test_the_yaml_that_the_document_prints_is_refused(api: Api) -> None:
    """D10: its required anti-affinity has a weight, so DNS has the same rule in a valid form."""
    (deployment,) = (one for one in ADDONS["dns"] if one["kind"] == "Deployment")
    printed = json.loads(json.dumps(deployment))
    affinity = printed["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    term["weight"] = 100
    said = api.refusal(*DRY_RUN, stdin=json.dumps(printed))
    assert "requiredDuringSchedulingIgnoredDuringExecution[0].weight" in said


@pytest.fixture(scope="module")
def scheduled(control_plane: ControlPlane) -> Api:
    """The API with our scheduler."""
    control_plane.start_service("kube-scheduler")
    return control_plane.api


@pytest.fixture
def node(scheduled: Api) -> Iterator[Api]:
    """One empty node of the pool `cpu`, which nobody runs: what is bound to it counts anyway."""
    name = "cpu-a-empty"
    labels = {"kilonode.io/pool": "cpu", "kubernetes.io/hostname": name}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
    scheduled.kubectl("create", "--filename=-", stdin=json.dumps(node))
    size = {"cpu": "19800m", "memory": "130Gi", "pods": "110"}
    ready = {"type": "Ready", "status": "True"}
    status = {"status": {"capacity": size, "allocatable": size, "conditions": [ready]}}
    scheduled.kubectl(
        *("patch", "node", name, "--subresource=status", "--type=merge"),
        f"--patch={json.dumps(status)}",
    )
    yield scheduled
    scheduled.kubectl("delete", "pods", "--all", f"--namespace={BALLOONS}", "--force")
    scheduled.kubectl("delete", "pods", "--all", "--namespace=default", "--force")
    scheduled.kubectl("delete", "node", name)


def pod(name: str, namespace: str, spec: dict[str, Any], labels: dict[str, str]) -> Manifest:
    """A pod for the node of the test, whose kubelet nobody has heard of."""
    quiet = [{"operator": "Exists"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {**spec, "tolerations": quiet},
    }


def test_a_balloon_makes_room_for_a_real_pod_at_once(node: Api) -> None:
    """E9. Nobody runs the pods here: one with a grace period would stay for ever."""
    places = [one for one in ADDONS["balloons"] if one["kind"] != "Deployment"]
    node.apply(listed(places))
    (deployment,) = (one for one in ADDONS["balloons"] if one["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"]
    node.apply(json.dumps(pod("balloon", BALLOONS, template["spec"], labels)))
    eventually(lambda: node_of(node, "balloon", BALLOONS), "the balloon has a node")

    container = {
        "name": "work",
        "image": "registry.k8s.io/pause:3.10.2",
        "resources": {"requests": {"cpu": "15"}},
    }
    real = {"containers": [container], "automountServiceAccountToken": False}
    node.apply(json.dumps(pod("real", "default", real, {})))
    eventually(lambda: node_of(node, "real", "default"), "a real pod has the balloon's place")
    left = node.get("pods", f"--namespace={BALLOONS}")["items"]
    assert [one for one in left if one["spec"].get("nodeName")] == []


def node_of(api: Api, name: str, namespace: str) -> str:
    """The node that the pod is on, "" before."""
    found = api.get("pod", name, f"--namespace={namespace}")
    return str(found["spec"].get("nodeName", ""))
