"""Add-ons that act on Azure, before a real apiserver that is started as the stack says."""

from __future__ import annotations

import base64
import json
from itertools import count
from typing import Any

import pytest

from components.workload_identity import AUDIENCE
from config.workload_identities import NAMESPACE, workloads
from tests.api.control_plane import Api, ControlPlane, eventually
from tests.unit.planned_addons import addons_of

NODE_MANAGER = "cloud-node-manager"


def applied(api: Api, addon: str, *kinds: str) -> None:
    found = [one for one in addons_of("prod")[addon] if one["kind"] in kinds]
    api.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": found}))


def part(token: str, place: int) -> Any:
    """Of a JWT: its header is the first, its claims are the second."""
    content = token.split(".")[place]
    return json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))


def test_what_masters_publish_is_what_azure_looks_for(
    api: Api, control_plane: ControlPlane
) -> None:
    """Microsoft Entra reads the first document below the issuer, and the keys where that says."""
    issuer = control_plane.topology.issuer_url
    found = json.loads(api.kubectl("get", "--raw", "/.well-known/openid-configuration"))
    assert found["issuer"] == issuer
    assert found["jwks_uri"] == f"{issuer}/openid/v1/jwks"
    keys = json.loads(api.kubectl("get", "--raw", "/openid/v1/jwks"))["keys"]
    assert [key["kty"] for key in keys] == ["RSA"], "Entra takes no others"


def test_an_add_ons_token_is_what_its_identity_asks_for(
    api: Api, control_plane: ControlPlane
) -> None:
    for workload in workloads(control_plane.settings):
        applied(api, workload.name, "ServiceAccount")
        account = ("create", "token", workload.account, f"--namespace={NAMESPACE}")
        token = api.kubectl(*account, f"--audience={AUDIENCE}")
        assert part(token, 0)["alg"] == "RS256", "Entra takes no others"
        found = part(token, 1)
        assert found["iss"] == control_plane.topology.issuer_url
        assert found["sub"] == workload.subject
        assert found["aud"] == [AUDIENCE]


def test_a_kubelet_may_give_its_node_the_labels_of_its_pool(control_plane: ControlPlane) -> None:
    """One that NodeRestriction forbids would keep every node from registering."""
    for number, one in enumerate(control_plane.topology.node_sets):
        name = f"labelled-{number}"
        labelled = {"name": name, "labels": dict(one.labels)}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": labelled}
        kubelet = control_plane.user(f"system:node:{name}", "system:nodes")
        kubelet.kubectl("create", "--filename=-", stdin=json.dumps(node))


@pytest.fixture(scope="module")
def fenced(api: Api) -> Api:
    """With two nodes, and the policy in force."""
    kinds = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    policy = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    applied(api, "cloud-controller-manager", *kinds, *policy)
    for name in ("own", "other"):
        api.apply(json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}))
    # Another value each time: kubectl does not ask for what is there already.
    labels = (f"a={number}" for number in count())
    eventually(
        lambda: (
            "its own node alone" in api.shown(*as_node_manager("label", "node/other", next(labels)))
        ),
        "the policy is in force",
    )
    return api


@pytest.mark.parametrize("lease", ["cloud-controller-manager", "aks-managed-resource-locker"])
def test_cloud_controller_manager_holds_its_leases(fenced: Api, lease: str) -> None:
    """The first is its leader's. The second it takes before it touches a load balancer, so without
    that no Service gets one (pkg/consts/consts.go of cloud-provider-azure v1.36.5)."""
    account = f"--as=system:serviceaccount:{NAMESPACE}:cloud-controller-manager"
    made = {"metadata": {"name": lease, "namespace": NAMESPACE}, "kind": "Lease"}
    content = json.dumps({"apiVersion": "coordination.k8s.io/v1", **made})
    fenced.kubectl("create", "--filename=-", account, stdin=content)
    fenced.kubectl("get", f"lease/{lease}", f"--namespace={NAMESPACE}", account)
    fenced.kubectl("replace", "--filename=-", account, stdin=content)


def as_node_manager(*arguments: str) -> tuple[str, ...]:
    """As its pod on the node `own`: the apiserver puts the node's name into the pod's token."""
    return (
        *arguments,
        "--overwrite",
        f"--as=system:serviceaccount:{NAMESPACE}:{NODE_MANAGER}",
        "--as-user-extra=authentication.kubernetes.io/node-name=own",
    )


def test_cloud_node_manager_introduces_its_own_node(fenced: Api) -> None:
    zone = "topology.kubernetes.io/zone=1"
    fenced.kubectl(*as_node_manager("label", "node/own", zone))
    assert fenced.get("node/own")["metadata"]["labels"]["topology.kubernetes.io/zone"] == "1"


def test_it_writes_to_no_other_node(fenced: Api) -> None:
    """Its token is on every machine: a lost one must not move others' pods or addresses."""
    taint = as_node_manager("taint", "node", "other", "a=b:NoExecute")
    assert "its own node alone" in fenced.refusal(*taint)


def test_it_gives_its_node_no_role(fenced: Api) -> None:
    label = as_node_manager("label", "node/own", "node-role.kubernetes.io/control-plane=")
    assert "no role" in fenced.refusal(*label)


def test_a_token_without_a_node_writes_to_none(fenced: Api) -> None:
    *rest, _ = as_node_manager("label", "node/own", "a=b")
    assert "its own node alone" in fenced.refusal(*rest)
