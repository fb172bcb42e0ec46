"""D10: the document prints a rule that the API refuses, so it is not what is deployed."""

from __future__ import annotations

import json

from tests.api.control_plane import Api


def pod(term: dict[str, object]) -> str:
    """A pod with one required term of anti-affinity."""
    terms = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "printed", "namespace": "default"},
            "spec": {
                "affinity": {"podAntiAffinity": terms},
                "containers": [{"name": "one", "image": "none"}],
            },
        }
    )


TERM: dict[str, object] = {
    "labelSelector": {
        "matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]
    },
    "topologyKey": "kubernetes.io/hostname",
}
STRICT = ("create", "--dry-run=server", "--validate=strict", "--filename=-")


def test_a_required_term_has_no_weight(api: Api) -> None:
    said = api.refusal(*STRICT, stdin=pod({"weight": 100, **TERM}))
    assert "unknown field" in said
    assert "requiredDuringSchedulingIgnoredDuringExecution[0].weight" in said


def test_without_it_the_rule_is_taken(api: Api) -> None:
    api.kubectl(*STRICT, stdin=pod(TERM))
