"""D16: pods of a labelled namespace have their node's network, and nobody else's do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.control_plane import Api, eventually

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LABEL = "kilonode.io/host-network"
LEVEL = "pod-security.kubernetes.io/enforce"


def namespace(name: str, **labels: str) -> str:
    metadata = {"name": name, "labels": labels}
    return json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def pod(name: str, namespace: str, **spec: Any) -> str:
    containers = [{"name": "one", "image": "none", "ports": [{"containerPort": 8080}]}]
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"containers": containers, **spec},
        }
    )


@pytest.fixture(scope="module", autouse=True)
def labelled(api: Api) -> Iterator[None]:
    api.apply(namespace("heavy", **{LABEL: "true", LEVEL: "privileged"}))
    eventually(
        lambda: (
            api.get("pods", "--namespace=heavy") is not None
            and api.kubectl("get", "serviceaccount/default", "--namespace=heavy")
        ),
        "pods can be made in the namespace",
    )
    yield
    api.kubectl("delete", "namespace/heavy", "--wait=false")


def network_of(api: Api, manifest: str) -> tuple[bool, str]:
    """hostNetwork and dnsPolicy that the pod would have."""
    answer = api.kubectl(
        *("create", "--dry-run=server", "--output=json", "--filename=-"), stdin=manifest
    )
    spec = json.loads(answer)["spec"]
    return spec.get("hostNetwork", False), spec["dnsPolicy"]


def test_its_pods_have_the_nodes_network_and_the_clusters_dns(api: Api) -> None:
    assert network_of(api, pod("one", "heavy")) == (True, "ClusterFirstWithHostNet")


def test_its_pods_ports_are_the_nodes(api: Api) -> None:
    """Else two pods that listen on one port would be put on one node."""
    answer = api.kubectl(
        *("create", "--dry-run=server", "--output=json", "--filename=-"),
        stdin=pod("one", "heavy"),
    )
    (container,) = json.loads(answer)["spec"]["containers"]
    assert container["ports"][0]["hostPort"] == 8080


def test_a_pod_that_names_its_own_servers_keeps_them(api: Api) -> None:
    own = pod("one", "heavy", dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"]})
    assert network_of(api, own) == (True, "None")


def test_pods_of_other_namespaces_stay_in_the_pod_network(api: Api) -> None:
    assert network_of(api, pod("one", "default")) == (False, "ClusterFirst")


@pytest.mark.parametrize("level", ["baseline", "restricted", None])
def test_the_label_is_refused_where_pod_security_would_refuse_each_pod(
    api: Api, level: str | None
) -> None:
    """Said once to whoever makes the namespace, and not to a Job's controller for ever."""
    labels = {LABEL: "true", **({LEVEL: level} if level else {})}
    said = api.refusal("create", "--filename=-", stdin=namespace("strict", **labels))
    assert f"needs {LEVEL}: privileged on the same namespace" in said
    assert f"where that is {level or 'none'}" in said


def test_a_stricter_level_later_is_refused_too(api: Api) -> None:
    said = api.refusal("label", "--overwrite", "namespace/heavy", f"{LEVEL}=baseline")
    assert f"needs {LEVEL}: privileged" in said


def test_a_word_that_means_nothing_is_refused(api: Api) -> None:
    said = api.refusal("create", "--filename=-", stdin=namespace("odd", **{LABEL: "yes"}))
    assert f'label {LABEL} is "yes"; write "true" or "false"' in said


@pytest.mark.parametrize(
    ("example", "namespace", "expected"),
    [
        ("batch-job", "batch", (False, "ClusterFirst")),
        ("batch-job-host-network", "batch-host-network", (True, "ClusterFirstWithHostNet")),
    ],
)
def test_the_examples_pods_are_made_as_they_say(
    api: Api, example: str, namespace: str, expected: tuple[bool, str]
) -> None:
    """By the Job's controller, under the Pod Security level that the example's namespace has."""
    api.apply((EXAMPLES / f"{example}.yaml").read_text())

    def made() -> list[Any]:
        pods: list[Any] = api.get("pods", f"--namespace={namespace}")["items"]
        return pods

    eventually(lambda: len(made()) == 8, f"pods of {example}")
    networks = {(one["spec"].get("hostNetwork", False), one["spec"]["dnsPolicy"]) for one in made()}
    assert networks == {expected}
    api.kubectl("delete", f"namespace/{namespace}", "--wait=false")
