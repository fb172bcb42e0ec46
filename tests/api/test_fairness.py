"""Who waits with whom: each user's requests are in the flow that is meant for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.api.control_plane import Api, ControlPlane

PODS, EVENTS, LEASES = (
    "/api/v1/pods",
    "/api/v1/events",
    "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
)


@dataclass(frozen=True)
class Users:
    """Users by name and groups, each certified once."""

    of: Callable[[str, str | None], Api]


@pytest.fixture(scope="module")
def users(control_plane: ControlPlane) -> Users:
    return Users(cache(control_plane.user))


@pytest.fixture(scope="module")
def names(api: Api) -> dict[str, str]:
    """Flow schemas and priority levels by the UID that the headers name."""
    kinds = ("flowschemas", "prioritylevelconfigurations")
    listed: list[Any] = [one for kind in kinds for one in api.get(kind)["items"]]
    return {one["metadata"]["uid"]: one["metadata"]["name"] for one in listed}


def flow(asking: Api, path: str, names: dict[str, str]) -> tuple[str, str]:
    """The flow schema and priority level of a GET, as the response's headers say."""
    # kubectl shows headers where it was told to be that verbose, of refusals too.
    said = asking.shown("get", "--raw", path, "--v=8")
    uids = re.findall(r"X-Kubernetes-Pf-(?:Flowschema|Prioritylevel)-Uid: (\S+)", said, re.I)
    schema, level = (names[uid.strip('"')] for uid in uids)
    return schema, level


def test_an_administrator_waits_with_administrators_alone(api: Api, names: dict[str, str]) -> None:
    """In a level of their own, whatever nodes, controllers and pods ask for meanwhile."""
    for path in (PODS, EVENTS, "/version"):
        assert flow(api, path, names) == ("kilonode-administrators", "kilonode-administrators")


def test_break_glass_waits_for_nobody(break_glass: Api, names: dict[str, str]) -> None:
    assert flow(break_glass, PODS, names) == ("exempt", "exempt")


EXPECTED = {
    "a kubelet's own pods": (
        ("system:node:cpu-a-000000", "system:nodes", f"{PODS}?fieldSelector=spec.nodeName%3Da"),
        ("system-nodes", "system"),
    ),
    "a kubelet's lease": (
        ("system:node:cpu-a-000000", "system:nodes", f"{LEASES}/cpu-a-000000"),
        ("system-node-high", "node-high"),
    ),
    "kube-proxy": (
        ("system:kube-proxy", None, "/apis/discovery.k8s.io/v1/endpointslices"),
        ("kilonode-node-agents", "kilonode-node-agents"),
    ),
    "flannel": (
        ("kilonode:flannel:cpu-a-000000", "kilonode:flannel", "/api/v1/nodes"),
        ("kilonode-node-agents", "kilonode-node-agents"),
    ),
    "a machine that joins": (
        ("kilonode:bootstrap", "system:bootstrappers", "/api"),
        ("kilonode-node-agents", "kilonode-node-agents"),
    ),
    "the approver of certificates": (
        (
            "kilonode:csr-approver",
            None,
            "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        ),
        ("kilonode-controllers", "workload-high"),
    ),
    "who empties namespaces, of events too": (
        (
            "system:serviceaccount:kube-system:namespace-controller",
            "system:serviceaccounts",
            EVENTS,
        ),
        ("kilonode-controllers", "workload-high"),
    ),
    "D7 events read from a node": (
        ("system:node:cpu-a-000000", "system:nodes", EVENTS),
        ("kilonode-event-readers", "kilonode-event-readers"),
    ),
    "D7 events read by a pod": (
        ("system:serviceaccount:logging:fluentd", "system:serviceaccounts", EVENTS),
        ("kilonode-event-readers", "kilonode-event-readers"),
    ),
    "a pod": (
        ("system:serviceaccount:logging:fluentd", "system:serviceaccounts", PODS),
        ("service-accounts", "workload-low"),
    ),
    "the scheduler": (("system:kube-scheduler", None, PODS), ("kube-scheduler", "workload-high")),
    "somebody else": (("somebody", None, PODS), ("global-default", "global-default")),
}


@pytest.mark.parametrize(("asked", "expected"), EXPECTED.values(), ids=EXPECTED.keys())
def test_requests_are_in_the_flow_that_is_meant_for_them(
    users: Users,
    names: dict[str, str],
    asked: tuple[str, str | None, str],
    expected: tuple[str, str],
) -> None:
    user, groups, path = asked
    assert flow(users.of(user, groups), path, names) == expected


def test_no_flow_of_ours_hangs_in_the_air(api: Api) -> None:
    """A flow schema whose level does not exist is ignored without a word."""
    for schema in api.get("flowschemas")["items"]:
        conditions = schema["status"]["conditions"]
        assert [one["status"] for one in conditions if one["type"] == "Dangling"] == ["False"], (
            json.dumps(schema["metadata"]["name"])
        )
