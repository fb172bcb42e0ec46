"""Fluentd and Datadog before the real API: it takes them, and gives nodes' agents nothing (D7).

Their images cannot be had here, so this is as far as they get.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from components.addons import datadog, fluentd
from components.addons.plan import ClusterFacts, Plan
from config.artifacts import catalog
from config.topology import topology
from tests.api.control_plane import Api
from tests.unit.settings_samples import settings

ON = {
    "addons.fluentd": {"forwardTo": "logs.example.com:24224"},
    "addons.datadog": {"events": True},
    "datadogApiKey": "0" * 32,
}
ON_NODES = "system:serviceaccount:datadog:datadog-agent"
CLUSTER_AGENT = "system:serviceaccount:datadog:datadog-cluster-agent"


@pytest.fixture(scope="module")
def applied(api: Api) -> Api:
    chosen = settings(ON)
    planners: list[Callable[[ClusterFacts], Plan | None]] = [fluentd.plan, datadog.plan]
    for planner in planners:
        plan = planner(ClusterFacts(chosen, topology(chosen), catalog().images))
        assert plan
        api.apply(yaml.safe_dump_all(plan.manifests))
    return api


@pytest.mark.parametrize(
    ("kind", "namespace", "name"),
    [
        ("daemonset", "logging", "fluentd"),
        ("daemonset", "datadog", "datadog-agent"),
        ("deployment", "datadog", "datadog-cluster-agent"),
    ],
)
def test_the_api_takes_every_field(applied: Api, kind: str, namespace: str, name: str) -> None:
    assert applied.get(kind, name, f"--namespace={namespace}")["metadata"]["uid"]


@pytest.mark.parametrize("what", ["pods", "events", "nodes", "services", "endpointslices"])
@pytest.mark.parametrize("verb", ["list", "watch"])
def test_an_agent_on_a_node_may_list_nothing(applied: Api, verb: str, what: str) -> None:
    assert not may(applied, ON_NODES, verb, what)
    assert not may(applied, "system:serviceaccount:logging:default", verb, what)


def test_an_agent_on_a_node_may_read_its_kubelet(applied: Api) -> None:
    for part in ("metrics", "pods", "stats"):
        assert may(applied, ON_NODES, "get", f"nodes/{part}")
    assert not may(applied, ON_NODES, "get", "nodes/proxy")


def test_the_cluster_agent_asks_for_all_of_them(applied: Api) -> None:
    for what in ("pods", "events", "nodes"):
        assert may(applied, CLUSTER_AGENT, "watch", what)


def may(api: Api, account: str, verb: str, what: str) -> bool:
    """What the API's authorizer says, whether anybody asks for it or not."""
    resource, _, part = what.partition("/")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": account,
            "resourceAttributes": {
                "verb": verb,
                "resource": resource,
                "subresource": part,
                "group": "discovery.k8s.io" if resource == "endpointslices" else "",
            },
        },
    }
    said = api.kubectl(
        "create", "--filename=-", "--output=jsonpath={.status.allowed}", stdin=yaml.dump(review)
    )
    return said == "true"
