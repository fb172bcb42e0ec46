"""The control plane that these tests run against is the stack's own."""

from __future__ import annotations

from tests.api.control_plane import Api, ControlPlane
from tests.api.machine import Exceptions


def test_the_apiserver_starts_with_the_flags_of_its_unit(control_plane: ControlPlane) -> None:
    """Else tests would prove something about flags that no machine has."""
    exceptions = control_plane.exceptions("kube-apiserver")
    own = control_plane.master.command("kube-apiserver", Exceptions())
    started = control_plane.master.command("kube-apiserver", exceptions)
    assert started[: len(own)] == own
    assert [flag.partition("=")[0] for flag in started[len(own) :]] == list(exceptions.added)


def test_the_administrator_may_do_everything(api: Api) -> None:
    assert api.kubectl("auth", "can-i", "*", "*", "--all-namespaces").strip() == "yes"


def test_an_ordinary_user_may_do_nothing(somebody: Api) -> None:
    assert "forbidden" in somebody.refusal("get", "pods", "--all-namespaces")


def test_a_node_reads_no_secrets_but_those_of_its_pods(node: Api) -> None:
    assert "forbidden" in node.refusal("get", "secrets", "--namespace=kube-system")
