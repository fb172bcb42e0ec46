"""D9: the scheduler of our configuration packs nodes, where its default would spread pods."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.control_plane import Api, ControlPlane, eventually

NODES = ("empty", "half-full")


def node(name: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})


def ready() -> str:
    """A status as a kubelet reports it."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    room = {"cpu": "20", "memory": "140Gi", "pods": "110"}
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Test",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    return json.dumps(
        {"status": {"capacity": room, "allocatable": room, "conditions": [condition]}}
    )


def pod(name: str, **spec: Any) -> str:
    container = {
        "name": "one",
        "image": "none",
        "resources": {"requests": {"cpu": "5", "memory": "35Gi"}},
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [container], **spec},
        }
    )


@pytest.fixture(scope="module")
def scheduler(control_plane: ControlPlane, api: Api) -> Iterator[None]:
    for name in NODES:
        api.kubectl("create", "--filename=-", stdin=node(name))
        api.kubectl("patch", f"node/{name}", "--subresource=status", f"--patch={ready()}")
    eventually(
        lambda: not any(api.get(f"node/{name}")["spec"].get("taints") for name in NODES),
        "the nodes are ready",
    )
    service = control_plane.start_service("kube-scheduler")
    yield
    assert not service.ended(), service.ended()
    api.kubectl("delete", "pods", "--all", "--force", "--namespace=default")
    api.kubectl("delete", "node", *NODES)


@pytest.mark.usefixtures("scheduler")
def test_a_pod_goes_to_the_fuller_node(api: Api) -> None:
    """So that idle nodes can go, and a pod that needs a whole one finds it."""
    api.kubectl("create", "--filename=-", stdin=pod("first", nodeName="half-full"))
    for name in ("second", "third"):
        api.kubectl("create", "--filename=-", stdin=pod(name))
        assert node_of(api, name) == "half-full"


def node_of(api: Api, name: str) -> str:
    """Where the pod was put, once it was."""
    asked = ("get", f"pod/{name}", "--output=jsonpath={.spec.nodeName}")
    eventually(lambda: api.kubectl(*asked), f"the {name} pod has a node")
    return api.kubectl(*asked)
