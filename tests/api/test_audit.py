"""D6: the audit log says who did what, holds no content, and leaves out what would fill it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.control_plane import Api, ControlPlane, eventually

Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logged(control_plane: ControlPlane, api: Api) -> Logged:
    """All lines since the test began, a last request's included."""
    log = control_plane.master.path("/var/log/kilonode/audit.log")
    before = len(log.read_text().splitlines())

    def read() -> list[dict[str, Any]]:
        last = f"/marker-{secrets.token_hex(4)}"
        api.shown("get", "--raw", last)
        # A line is written before the answer is sent, but a test must not rest on it.
        eventually(lambda: last in log.read_text(), "the last request is in the log")
        return [json.loads(line) for line in log.read_text().splitlines()[before:]]

    return read


def found(lines: list[dict[str, Any]], user: str, uri: str) -> list[dict[str, Any]]:
    return [
        one
        for one in lines
        if one["user"]["username"] == user and one["requestURI"].startswith(uri)
    ]


def test_a_secrets_reader_and_writer_are_logged_and_its_content_never(
    api: Api, node: Api, logged: Logged
) -> None:
    api.kubectl("create", "secret", "generic", "audited", "--from-literal=word=in-nobodys-log")
    api.kubectl("get", "secret/audited")
    node.shown("get", "secret/audited")
    lines = logged()
    uri = "/api/v1/namespaces/default/secrets"
    verbs = [one["verb"] for one in found(lines, "kilonode-admin", uri)]
    assert {"create", "get"} <= set(verbs)
    assert found(lines, "system:node:cpu-a-000000", uri), "a node's reads count too"
    assert "in-nobodys-log" not in json.dumps(lines)


def test_no_line_holds_a_body(api: Api, logged: Logged) -> None:
    api.kubectl("create", "configmap", "audited", "--from-literal=word=neither")
    lines = logged()
    assert found(lines, "kilonode-admin", "/api/v1/namespaces/default/configmaps")
    assert {one["level"] for one in lines} == {"Metadata"}
    assert not any("requestObject" in one or "responseObject" in one for one in lines)


@pytest.mark.parametrize("path", ["/api/v1/pods", "/api/v1/events"])
def test_what_a_node_lists_is_logged(node: Api, logged: Logged, path: str) -> None:
    """D7 was found in this log."""
    node.shown("get", "--raw", path)
    (line,) = found(logged(), "system:node:cpu-a-000000", path)
    assert line["verb"] == "list"


def test_what_all_nodes_do_all_the_time_is_not(node: Api, logged: Logged) -> None:
    for path in (
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/cpu-a-000000",
        "/api/v1/nodes/cpu-a-000000",
        "/api/v1/pods?watch=1&timeoutSeconds=1",
        "/readyz",
    ):
        node.shown("get", "--raw", path)
    lines = [one for one in logged() if one["user"]["username"].startswith("system:node:")]
    # What kubectl itself looks up.
    assert [one["requestURI"] for one in lines if one["verb"] != "list"] == []


def test_events_that_are_told_are_not(api: Api, logged: Logged) -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "told", "namespace": "default"},
        "involvedObject": {"kind": "Node", "name": "none", "namespace": "default"},
    }
    api.kubectl("create", "--filename=-", stdin=json.dumps(event))
    uri = "/api/v1/namespaces/default/events"
    assert not [one for one in found(logged(), "kilonode-admin", uri) if one["verb"] == "create"]
