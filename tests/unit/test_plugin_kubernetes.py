"""The kubernetes plugin against an API that runs in this process."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_azure.providers import cluster
from local_azure.providers.kubernetes import Kubernetes, UnreachableError
from local_azure.providers.protocol import InitError
from tests.unit.http_server import Answer, Request, serving
from tests.unit.test_plugin_tls import authority, private_key

CONFIG_MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "kube-system"},
    "data": {"a": "1"},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "dns", "namespace": "kube-system"},
    "spec": {"replicas": 2},
}
ROLE: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "role"},
}
KINDS = {
    "/api/v1": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}],
    "/apis/apps/v1": [
        {"name": "deployments/status", "kind": "Deployment", "namespaced": True},
        {"name": "deployments", "kind": "Deployment", "namespaced": True},
    ],
    "/apis/rbac.authorization.k8s.io/v1": [
        {"name": "clusterroles", "kind": "ClusterRole", "namespaced": False}
    ],
}


class Api:
    """Keeps objects by path. ready: replicas that every Deployment has."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.ready = 2

    def __call__(self, request: Request) -> Answer:
        path, _, query = request.path.partition("?")
        if path in KINDS:
            return self._answer({"resources": KINDS[path]})
        if request.method == "PATCH":
            return self._apply(path, query, request)
        if path not in self.objects:
            return self._answer({"message": "not found"}, 404)
        if request.method == "DELETE":
            return self._answer(self.objects.pop(path))
        return self._answer(self.objects[path])

    def _apply(self, path: str, query: str, request: Request) -> Answer:
        assert query == "fieldManager=pulumi&fieldValidation=Strict"
        assert request.headers["content-type"] == "application/apply-patch+yaml"
        body = json.loads(request.body)
        if "typo" in body:
            return self._answer({"message": 'unknown field "typo"'}, 400)
        body["metadata"] |= {"generation": 1, "managedFields": [{"manager": "pulumi"}]}
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), self.ready)
        why = {"conditions": [{"message": "no node has room"}], "observedGeneration": 1}
        self.objects[path] = body | {"status": counts | why}
        return self._answer(self.objects[path])

    @staticmethod
    def _answer(body: dict[str, Any], status: int = 200) -> Answer:
        return Answer(json.dumps(body).encode(), status)


def plugin(server: str, **settings: str) -> Kubernetes:
    key = private_key()
    pem = {
        name: base64.b64encode(text.encode()).decode()
        for name, text in (("certificate", authority(key)), ("key", key))
    }
    user = {"client-certificate-data": pem["certificate"], "client-key-data": pem["key"]}
    kubeconfig = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "it", "user": "me"}}],
        "clusters": [
            {
                "name": "it",
                "cluster": {"server": server, "certificate-authority-data": pem["certificate"]},
            }
        ],
        "users": [{"name": "me", "user": user}],
    }
    made = Kubernetes(cluster.Live)
    made.configure({"kubeconfig": json.dumps(kubeconfig), **settings})
    return made


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def kubernetes(api: Api) -> Iterator[Kubernetes]:
    with serving(api) as server:
        yield plugin(server)


@pytest.fixture
def away() -> str:
    """The URL of a server that is gone."""
    with serving(lambda _: Answer()) as server:
        pass
    return server


def test_objects_are_applied_where_their_kind_lives(api: Api, kubernetes: Kubernetes) -> None:
    id, outputs = kubernetes.create("core/v1:ConfigMap", CONFIG_MAP)
    assert id == "kube-system/settings"
    assert "managedFields" not in outputs["metadata"]
    assert kubernetes.create("rbac.authorization.k8s.io/v1:ClusterRole", ROLE)[0] == "role"
    assert set(api.objects) == {
        "/api/v1/namespaces/kube-system/configmaps/settings",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/role",
    }
    kubernetes.delete("core/v1:ConfigMap", id, outputs)
    kubernetes.delete("core/v1:ConfigMap", id, outputs)
    assert len(api.objects) == 1


def test_a_refusal_of_the_api_is_shown(kubernetes: Kubernetes) -> None:
    with pytest.raises(RuntimeError, match='400 unknown field "typo"'):
        kubernetes.create("core/v1:ConfigMap", CONFIG_MAP | {"typo": 1})


def test_a_refresh_sees_what_changed_of_what_was_asked_for(
    api: Api, kubernetes: Kubernetes
) -> None:
    id, outputs = kubernetes.create("core/v1:ConfigMap", CONFIG_MAP)
    [live] = api.objects.values()
    live["data"] = {"a": "2", "b": "added by somebody"}
    found = kubernetes.read("core/v1:ConfigMap", id, CONFIG_MAP, outputs)
    assert found is not None
    assert found[0] == CONFIG_MAP | {"data": {"a": "2"}}
    api.objects.clear()
    assert kubernetes.read("core/v1:ConfigMap", id, CONFIG_MAP, outputs) is None


def test_a_deployment_that_never_gets_ready_is_kept_and_says_why(
    api: Api, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubernetes.create("apps/v1:Deployment", DEPLOYMENT)
    monkeypatch.setattr(cluster, "_READY_SECONDS", 0)
    api.ready = 1
    with pytest.raises(InitError, match=r"1 of 2 replicas .* no node has room") as failed:
        kubernetes.create("apps/v1:Deployment", DEPLOYMENT)
    assert failed.value.id == "kube-system/dns"


def test_a_deployment_that_says_so_is_not_waited_for(
    api: Api, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Balloons wait for nodes most of the time."""
    monkeypatch.setattr(cluster, "_READY_SECONDS", 0)
    api.ready = 1
    metadata = {**DEPLOYMENT["metadata"], "annotations": {"pulumi.com/skipAwait": "true"}}
    id, _ = kubernetes.create("apps/v1:Deployment", DEPLOYMENT | {"metadata": metadata})
    assert id == "kube-system/dns"


def test_an_api_that_is_away_is_an_error_unless_the_settings_say_otherwise(away: str) -> None:
    strict = plugin(away)
    changed = CONFIG_MAP | {"data": {"a": "2"}}
    assert strict.check("core/v1:ConfigMap", changed, CONFIG_MAP)[0] == changed
    with pytest.raises(UnreachableError, match="does not answer"):
        strict.read("core/v1:ConfigMap", "id", CONFIG_MAP, CONFIG_MAP)
    with pytest.raises(UnreachableError):
        strict.delete("core/v1:ConfigMap", "id", CONFIG_MAP)
    lenient = plugin(away, skipUpdateUnreachable="true", deleteUnreachable="true")
    assert lenient.check("core/v1:ConfigMap", changed, CONFIG_MAP)[0] == CONFIG_MAP
    assert lenient.read("core/v1:ConfigMap", "id", CONFIG_MAP, changed) == (CONFIG_MAP, changed)
    lenient.delete("core/v1:ConfigMap", "id", CONFIG_MAP)
    with pytest.raises(UnreachableError):
        lenient.create("core/v1:ConfigMap", CONFIG_MAP)


def test_only_what_cannot_be_changed_replaces_an_object(away: str) -> None:
    immutable, mutable = plugin(away), plugin(away, enableConfigMapMutable="true")
    assert immutable.replaces("core/v1:ConfigMap", "data.a")
    assert not mutable.replaces("core/v1:ConfigMap", "data.a")
    assert mutable.replaces("core/v1:ConfigMap", "metadata.name")
    assert mutable.replaces("apps/v1:Deployment", "spec.selector.matchLabels.app")
    assert not mutable.replaces("apps/v1:Deployment", "spec.replicas")
