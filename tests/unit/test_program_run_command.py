"""What failed is asked again: an update begins with a refresh, which makes the engine forget it."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components.azure import ResourceGroup
from components.run_command import RunCommand, run_on
from tests.pulumi_runtime import in_a_program

GATE = RunCommand("gate", "exit 0", "digest", "", 60)


class _Azure(mocks.Mocks):
    """How the command ended that Azure knows; `problem`: why Azure does not tell."""

    def __init__(self, state: str = "", problem: str = "", **parameters: str) -> None:
        self._state, self._problem, self._parameters = state, problem, parameters
        self.sent: dict[str, str] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if "RunCommand" in args.typ:
            self.sent = {one["name"]: one["value"] for one in args.inputs["parameters"]}
        return args.name, dict(args.inputs)

    def call(self, args: mocks.MockCallArgs) -> Any:
        if self._problem:
            return {}, [("", self._problem)]
        parameters = [{"name": key, "value": value} for key, value in self._parameters.items()]
        return {"provisioningState": self._state, "parameters": parameters}


def asked(azure: _Azure, again: bool = False) -> dict[str, str]:
    """The parameters with which the gate is declared."""

    async def program() -> None:
        group = ResourceGroup(pulumi.Output.from_input("g"), "g", "westeurope", "s", zonal=False)
        parent = pulumi.ComponentResource("kilonode:test:Parent", "parent")
        vm = pulumi.ComponentResource("kilonode:test:Machine", "vm")
        run_on("vm", vm, GATE, name="vm-gate", group=group, parent=parent, again=again)

    in_a_program(azure, program)
    return azure.sent


@pytest.mark.parametrize(
    "azure",
    [
        _Azure("Succeeded", sha256="digest"),
        _Azure("Failed", sha256="of another question"),
        _Azure("Failed", sha256="digest", nonce="another", repeats="3"),
        _Azure(problem='RESPONSE 404: 404 Not Found ERROR CODE: ResourceNotFound "gate"'),
        _Azure(problem="ResourceGroupNotFound"),
        _Azure(problem='Code="ParentResourceNotFound"'),
    ],
)
def test_what_has_passed_or_was_never_asked_is_declared_as_it_is(azure: _Azure) -> None:
    assert asked(azure) == {"sha256": "digest"}


@pytest.mark.parametrize("state", ["Failed", "Canceled", "Updating"])
def test_what_failed_differs_from_what_is_known_so_that_it_runs_again(state: str) -> None:
    assert asked(_Azure(state, sha256="digest")) == {"sha256": "digest", "repeats": "1"}
    again = asked(_Azure(state, sha256="digest", repeats="1"))
    assert again == {"sha256": "digest", "repeats": "2"}


def test_what_passed_at_last_stays_as_it_is() -> None:
    """The next update would run it again otherwise."""
    passed = {"sha256": "digest", "repeats": "2"}
    assert asked(_Azure("Succeeded", **passed)) == passed


def test_what_passed_for_nothing_is_asked_again() -> None:
    """An update may end between a preflight and what it was asked for."""
    passed = {"sha256": "digest", "repeats": "2"}
    assert asked(_Azure("Succeeded", **passed), again=True) == passed | {"repeats": "3"}
    assert asked(_Azure("Succeeded", sha256="another"), again=True) == {"sha256": "digest"}


def test_an_update_does_not_go_on_without_knowing() -> None:
    with pytest.raises(RuntimeError, match=r"how gate on vm ended: .*AuthorizationFailed"):
        asked(_Azure(problem="AuthorizationFailed"))
