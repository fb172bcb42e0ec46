"""An update never writes a pool's capacity back."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components.capacity import keep_capacity
from tests.pulumi_runtime import in_a_program


class _Azure(mocks.Mocks):
    """A scale set that lives with `capacity` instances."""

    def __init__(self, capacity: float) -> None:
        self._capacity = capacity
        self.asked: Mapping[str, Any] = {}

    def new_resource(self, args: Any) -> Any:
        raise AssertionError("nothing is created here")

    def call(self, args: mocks.MockCallArgs) -> Any:
        self.asked = args.args
        return {"sku": {"name": "Standard_D15_v2", "capacity": self._capacity}}


def update(azure: _Azure, written: float, most: str = "1000") -> None:
    """What the engine does right before an update that writes `written`."""
    arguments = pulumi.ResourceHookArgs(
        urn="urn",
        id="id",
        name="prod-cpu-a",
        type="azure-native:compute:VirtualMachineScaleSet",
        new_inputs={
            "resourceGroupName": "prod-nodes",
            "vmScaleSetName": "prod-cpu-a",
            "sku": {"name": "Standard_D15_v2", "capacity": written},
            "tags": {"min": "0", "max": most},
        },
    )
    in_a_program(azure, lambda: keep_capacity(arguments))


def test_an_update_that_writes_the_live_capacity_goes_on() -> None:
    azure = _Azure(700)
    update(azure, 700)
    assert azure.asked == {"resourceGroupName": "prod-nodes", "vmScaleSetName": "prod-cpu-a"}


@pytest.mark.parametrize("written", [3, 699, 701])
def test_an_update_stops_when_the_autoscaler_moved_meanwhile(written: float) -> None:
    with pytest.raises(RuntimeError, match=r"prod-cpu-a has capacity 700") as error:
        update(_Azure(700), written)
    assert str(written) in str(error.value)
    assert "run the update again" in str(error.value)


def test_a_set_with_nodes_does_not_lose_its_protection() -> None:
    with pytest.raises(RuntimeError, match=r"prod-cpu-a has capacity 7") as error:
        update(_Azure(7), 7, most="0")
    assert "drain its nodes, scale it to 0" in str(error.value)


def test_a_drained_set_loses_its_protection() -> None:
    update(_Azure(0), 0, most="0")
