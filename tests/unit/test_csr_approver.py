"""Nodes get the certificates they may have, and nobody gets another by way of ours."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml
from kilonode.csr_approver import Pending, answer, with_verdict
from kilonode.csr_rules import (
    API_CLIENT,
    KUBELET_CLIENT,
    KUBELET_SERVING,
    Plan,
    Verdict,
    decide,
)
from kilonode.kube_api import KubeApi

from config.topology import Member, topology
from config.user_data import MACHINES
from tests.unit import settings_samples
from tests.unit.certificate_requests import name, plain, request

PLAN = Plan.of(
    {
        "CLUSTER_NAME": "prod",
        "API_ADDRESS": "10.0.1.9",
        "NODE_SUBNETS": "10.0.64.0/18 10.0.1.0/24",
    }
)
NODE = "cpu-a-00000a"
SERVING = ["digital signature", "server auth"]
CLIENT = ["digital signature", "client auth"]


def spec(
    pem: bytes,
    *,
    signer: str = KUBELET_SERVING,
    node: str = NODE,
    username: str = "",
    groups: Sequence[str] = ("system:nodes", "system:authenticated"),
    usages: Sequence[str] = SERVING,
) -> dict[str, Any]:
    return {
        "signerName": signer,
        "username": username or f"system:node:{node}",
        "groups": list(groups),
        "usages": list(usages),
        "request": base64.b64encode(pem).decode(),
    }


def serving(
    node: str = NODE,
    dns: Sequence[str] | None = None,
    addresses: Sequence[str] = ("10.0.64.4",),
    **rest: Any,
) -> dict[str, Any]:
    """What the kubelet of `node` asks for, with one thing changed."""
    names = [node] if dns is None else dns
    pem = plain("system:nodes", f"system:node:{node}", names, addresses)
    return spec(pem, node=node, **rest)


def flannel(
    subject_node: str = NODE, organization: str = "kilonode:flannel", **rest: Any
) -> dict[str, Any]:
    pem = plain(organization, f"kilonode:flannel:{subject_node}")
    return spec(pem, **{"signer": API_CLIENT, "usages": CLIENT, **rest})


def joining(node: str = NODE, organization: str = "system:nodes", **rest: Any) -> dict[str, Any]:
    """What a kubelet without a certificate asks for, with the credential of its bundle."""
    pem = plain(organization, f"system:node:{node}")
    first = {
        "signer": KUBELET_CLIENT,
        "username": "kilonode:bootstrap",
        "groups": ["system:bootstrappers", "system:authenticated"],
        "usages": CLIENT,
    }
    return spec(pem, **{**first, **rest})


MASTERS = "kilonode:bootstrap-master"

APPROVED = {
    "a new node": joining(),
    "a new master": joining("prod-master-b", username=MASTERS),
    "a node at its own name and address": serving(),
    "a node with an RSA key": serving(usages=["key encipherment", *SERVING]),
    "a node that names no address": serving(addresses=[]),
    "a node that names no name": serving(dns=[]),
    "a master at its own address": serving("prod-master-b", addresses=["10.0.1.11"]),
    "flannel of the node that asks": flannel(),
}

DENIED = {
    "a node's credential for a master": joining("prod-master-a"),
    "a node's credential for an etcd machine": joining("prod-etcd-a"),
    "a node's credential for a name of no scale set": joining("jump-host"),
    "a master's credential for a node": joining(username=MASTERS),
    "a master of another cluster": joining("dev-master-a", username=MASTERS),
    "a master beyond the last key": joining("prod-master-j", username=MASTERS),
    "somebody else who may bootstrap": joining(username="system:bootstrap:abcdef"),
    "a new node that would serve": joining(usages=SERVING),
    "a new node in the masters' group": joining(organization="system:masters"),
    "a new node that is no node": spec(
        plain("system:nodes", "system:kube-scheduler"),
        **{key: joining()[key] for key in ("username", "groups", "usages")},
        signer=KUBELET_CLIENT,
    ),
    "a new node with a name to serve at": spec(
        plain("system:nodes", f"system:node:{NODE}", [NODE]),
        **{key: joining()[key] for key in ("username", "groups", "usages")},
        signer=KUBELET_CLIENT,
    ),
    "a new node's junk": {**joining(), "request": base64.b64encode(b"junk").decode()},
    "not a node's user": serving(username="system:serviceaccount:kube-system:x"),
    "a user that only begins like a node": serving(username=f"system:node:{NODE}:x"),
    "a node without the nodes' group": serving(groups=["system:authenticated"]),
    "the bootstrap credential": serving(
        username="kilonode:bootstrap", groups=["system:bootstrappers"]
    ),
    "another node's subject": serving(username="system:node:cpu-a-00000b"),
    "another node's name": serving(dns=["cpu-a-00000b"]),
    "the API's name": serving(dns=[NODE, "kubernetes.default.svc"]),
    "a wildcard": serving(dns=["*"]),
    "neither name nor address": serving(dns=[], addresses=[]),
    "an address outside of the nodes": serving(addresses=["10.0.0.10"]),
    "the API's address": serving(addresses=["10.0.1.9"]),
    "a master's address for a node": serving(addresses=["10.0.1.10"]),
    "another master's address": serving("prod-master-b", addresses=["10.0.1.10"]),
    "the API's address for a master": serving("prod-master-a", addresses=["10.0.1.9"]),
    "a node's address for a master": serving("prod-master-a", addresses=["10.0.64.4"]),
    "the loopback address": serving(addresses=["127.0.0.1"]),
    "an IPv6 address": serving(addresses=["::1"]),
    "one good address and one bad": serving(addresses=["10.0.64.4", "10.0.1.9"]),
    "client use": serving(usages=CLIENT),
    "client use too": serving(usages=[*SERVING, "client auth"]),
    "signing use": serving(usages=[*SERVING, "cert sign"]),
    "no request at all": spec(b"junk"),
    "two organizations": spec(
        request(name(common=[f"system:node:{NODE}"], organization=["system:nodes", "x"]))
    ),
    "another node's flannel": flannel("cpu-a-00000b"),
    "flannel's name in another group": flannel(organization="system:masters"),
    "flannel asked for by the bootstrap credential": flannel(username="kilonode:bootstrap"),
    "flannel that would serve": flannel(usages=SERVING),
    "flannel with a name to serve at": spec(
        plain("kilonode:flannel", f"kilonode:flannel:{NODE}", [NODE]),
        signer=API_CLIENT,
        usages=CLIENT,
    ),
    "flannel's group under another name": spec(
        plain("kilonode:flannel", "x"), signer=API_CLIENT, usages=CLIENT
    ),
}

LEFT_ALONE = {
    "a person's client certificate": spec(
        plain("team", "jane"), signer=API_CLIENT, username="jane", usages=CLIENT
    ),
    "a client certificate we cannot read": spec(b"junk", signer=API_CLIENT),
    "a kubelet that renews its client certificate": serving(
        dns=[], addresses=[], signer=KUBELET_CLIENT, usages=CLIENT
    ),
    "somebody's own signer": serving(signer="example.com/signer"),
}


def manifest(name: str) -> list[dict[str, Any]]:
    file = MACHINES / "master/etc/kilonode/manifests" / f"{name}.yaml"
    return list(yaml.safe_load_all(file.read_text()))


def test_nobody_becomes_a_node_past_the_approver() -> None:
    """Kubernetes' own controller approves whoever has `nodeclient`, under any node's name."""
    bound = {document["roleRef"]["name"] for document in manifest("nodes")}
    assert "system:certificates.k8s.io:certificatesigningrequests:nodeclient" not in bound
    assert "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient" in bound


def test_the_approver_may_approve_what_it_judges() -> None:
    rules = manifest("csr-approver")[0]["rules"]
    (signers,) = (rule["resourceNames"] for rule in rules if rule["resources"] == ["signers"])
    assert set(signers) == {KUBELET_SERVING, KUBELET_CLIENT, API_CLIENT}


def test_every_scale_sets_instances_may_join_and_no_vm_with_their_credential() -> None:
    """The longest keys that settings may have, and all machines that have a name of their own."""
    pool = settings_samples.raw()["nodePools"]["cpu"]
    pool["scaleSets"] = {"a1b2": {"nodes": 1, "maxNodes": 9}}
    machines = topology(settings_samples.settings({"nodePools.gpu12345": pool}))
    plan = replace(PLAN, cluster=machines.cluster)
    instances = [f"{node_set.prefix}00000z" for node_set in machines.node_sets]
    assert "gpu12345-a1b2-00000z" in instances
    vms = [machine.name for machine in machines.machines if isinstance(machine, Member)]
    verdicts = {name: decide(joining(name), plan) for name in (*instances, *vms)}
    assert {name for name, verdict in verdicts.items() if verdict and verdict.approved} == set(
        instances
    )


@pytest.mark.parametrize("asked", APPROVED.values(), ids=APPROVED.keys())
def test_approved(asked: Mapping[str, Any]) -> None:
    verdict = decide(asked, PLAN)
    assert verdict is not None
    assert verdict.approved, verdict.reason


@pytest.mark.parametrize("asked", DENIED.values(), ids=DENIED.keys())
def test_denied_with_a_reason(asked: Mapping[str, Any]) -> None:
    verdict = decide(asked, PLAN)
    assert verdict is not None
    assert not verdict.approved
    assert verdict.reason


@pytest.mark.parametrize("asked", LEFT_ALONE.values(), ids=LEFT_ALONE.keys())
def test_left_to_others(asked: Mapping[str, Any]) -> None:
    assert decide(asked, PLAN) is None


class RecordedApi(KubeApi):
    """Notes what is written; answers with `status` when it is an error."""

    def __init__(self, status: int = 200) -> None:
        super().__init__("https://127.0.0.1:6443", Path(), Path(), Path())
        self.written: list[tuple[str, str, Any]] = []
        self._status = status

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        self.written.append((method, path, body))
        if self._status >= 400:
            raise HTTPError(path, self._status, "refused", Message(), None)


def pending(asked: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "csr-1", "resourceVersion": "7"}, "spec": asked, "status": {}}


def test_the_verdict_goes_to_the_approval_of_the_version_that_was_judged() -> None:
    """Without the version, what was judged and what is approved could differ."""
    api = RecordedApi()
    answer(api, pending(serving()), PLAN)
    ((method, path, body),) = api.written
    assert method == "PUT"
    assert path == "/apis/certificates.k8s.io/v1/certificatesigningrequests/csr-1/approval"
    assert body["metadata"]["resourceVersion"] == "7"
    assert body["spec"] == serving() | {"request": body["spec"]["request"]}
    assert [condition["type"] for condition in body["status"]["conditions"]] == ["Approved"]


def test_answered_and_foreign_requests_are_not_touched() -> None:
    api = RecordedApi()
    denied = with_verdict(pending(serving()), Verdict(False, "no"), datetime.now(UTC))
    answer(api, denied, PLAN)
    answer(api, pending(LEFT_ALONE["a person's client certificate"]), PLAN)
    assert api.written == []


@pytest.mark.parametrize("status", [404, 409])
def test_a_faster_master_is_no_error(status: int) -> None:
    answer(RecordedApi(status), pending(serving()), PLAN)


def test_a_refused_verdict_is_an_error() -> None:
    with pytest.raises(HTTPError):
        answer(RecordedApi(403), pending(serving()), PLAN)


def named(name: str, **rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": serving(), "status": {}, **rest}


def test_masters_do_not_walk_the_same_queue_in_the_same_order() -> None:
    """All masters see all requests: in one order, they would collide at every single one."""
    names = [f"csr-{number}" for number in range(100)]
    orders = []
    for _ in range(2):
        pending = Pending()
        for each in names:
            pending.note("ADDED", named(each))
        orders.append([pending.take()["metadata"]["name"] for _ in names])
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(names)
    assert orders[0] != orders[1]


@pytest.mark.parametrize("news", ["answered", "deleted"])
def test_what_another_master_has_answered_is_no_longer_pending(news: str) -> None:
    pending = Pending()
    pending.note("ADDED", named("csr-1"))
    pending.note("ADDED", named("csr-2"))
    if news == "deleted":
        pending.note("DELETED", named("csr-1"))
    else:
        pending.note("MODIFIED", named("csr-1", status={"conditions": [{"type": "Approved"}]}))
    assert pending.take()["metadata"]["name"] == "csr-2"
