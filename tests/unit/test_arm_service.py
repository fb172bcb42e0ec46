"""What the local Azure does with requests that it accepts."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

import pytest

from local_azure.arm.backend import RunResult
from local_azure.arm.data import purge
from local_azure.arm.queries import allowed, identities
from local_azure.arm.rules import AzureError
from local_azure.arm.service import DeploymentError, read, shown
from local_azure.arm.shapes import UNKNOWN
from local_azure.arm.store import Resource, Store
from tests.unit.azure_world import (
    BODIES,
    GATE,
    GROUP,
    IDENTITY,
    NAT,
    NIC,
    NSG,
    SCALE_SET,
    SECRET,
    SUBNET,
    SUBSCRIPTION,
    VAULT,
    VM,
    World,
)

VMS = "compute:VirtualMachine"
SETS = "compute:VirtualMachineScaleSet"
GATES = "compute:VirtualMachineRunCommandByVirtualMachine"
READER = "4633458b-17de-408a-b874-0445c86b69e6"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "azure")


def test_every_type_can_be_created_and_is_stored_under_its_arm_id(world: World) -> None:
    assert {resource.type for resource in world.store.list()} == set(BODIES)
    gate = world.store.get(GATE)
    assert gate is not None
    assert gate.outputs["type"] == "Microsoft.Compute/virtualMachines/runCommands"
    assert gate.outputs["instanceView"]["output"] == "ready\n"


def test_ids_do_not_depend_on_case(world: World) -> None:
    assert world.store.get(VM.upper()) == world.store.get(VM)


def test_the_store_is_for_root_alone_and_survives_the_process(world: World) -> None:
    files = [file for file in world.store.path.rglob("*") if file.is_file()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(world.store.path.stat().st_mode) == 0o700
    assert Store(world.store.path).list() == world.store.list()


def test_each_write_is_one_line_of_the_log(world: World) -> None:
    log = world.store.path / "writes.log"
    before = len(log.read_text().splitlines())
    world.arm.delete(GATE)
    world.arm.put(SETS, world.body(SETS))
    lines = [line.split()[1:] for line in log.read_text().splitlines()[before:]]
    assert lines == [["DELETE", GATES, GATE], ["PUT", SETS, SCALE_SET]]


def test_an_update_of_a_scale_set_is_a_full_put_so_an_old_capacity_scales_it_back(
    world: World,
) -> None:
    """The autoscaler went to 90; a client that still believes in 3 changes a tag."""
    world.arm.put(SETS, world.body(SETS, {"sku.capacity": 90}))
    world.arm.put(SETS, world.body(SETS, {"tags": {"max": "100"}}))
    scaled = world.store.get(SCALE_SET)
    assert scaled is not None
    assert scaled.properties["sku"]["capacity"] == 3
    assert world.backend.calls[-1] == ("update", "cpu-a")


def test_custom_data_of_a_scale_set_may_change(world: World) -> None:
    path = "virtualMachineProfile.osProfile.customData"
    world.arm.put(SETS, world.body(SETS, {path: "eA=="}))


def test_a_failing_script_fails_its_deployment_only_where_asked_to(world: World) -> None:
    world.backend.result = RunResult(1, "member b is down\n")
    with pytest.raises(DeploymentError, match="member b is down") as failed:
        world.arm.put(GATES, world.body(GATES))
    assert failed.value.resource.outputs["provisioningState"] == "Failed"
    for lenient in (
        {"treatFailureAsDeploymentFailure": None},
        {"asyncExecution": True},
    ):
        made = world.arm.put(GATES, world.body(GATES, lenient))
        assert made.outputs["instanceView"]["exitCode"] == 1


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_script_that_ends_after_its_machine_was_deleted_brings_nothing_back(
    world: World, monkeypatch: pytest.MonkeyPatch, exit_code: int
) -> None:
    """The client that began it was killed, and the next one deleted the machine: the one after
    that could not create the command, as it would exist already."""

    def run(resource: Resource) -> RunResult:
        world.arm.delete(VM)
        return RunResult(exit_code, "")

    monkeypatch.setattr(world.backend, "run_command", run)
    with suppress(DeploymentError):
        world.arm.put(GATES, world.body(GATES))
    assert world.store.get(GATE) is None


def test_what_the_backend_cannot_make_stays_as_failed_and_the_next_put_mends_it(
    world: World,
) -> None:
    world.arm.delete(SCALE_SET)
    world.backend.error = OSError("no loop device left")
    with pytest.raises(DeploymentError, match="no loop device left"):
        world.arm.put(SETS, world.body(SETS))
    failed = world.store.get(SCALE_SET)
    assert failed is not None
    assert failed.outputs["provisioningState"] == "Failed"
    world.backend.error = None
    assert world.arm.put(SETS, world.body(SETS)).outputs["provisioningState"] == "Succeeded"
    assert world.backend.calls[-1] == ("update", "cpu-a")


@pytest.mark.parametrize(
    ("resource_id", "code"),
    [
        (SUBNET, "InUseSubnetCannotBeDeleted"),
        (NIC, "NicInUse"),
        (NSG, "InUseNetworkSecurityGroupCannotBeDeleted"),
        (NAT, "InUseNatGatewayCannotBeDeleted"),
        (SUBNET.rpartition("/subnets/")[0], "InUseSubnetCannotBeDeleted"),
        (
            NIC.replace("networkInterfaces/vm-a", "publicIPAddresses/nat-1"),
            "PublicIPAddressCannotBeDeleted",
        ),
    ],
)
def test_what_is_in_use_cannot_be_deleted(world: World, resource_id: str, code: str) -> None:
    with pytest.raises(AzureError) as refused:
        world.arm.delete(resource_id)
    assert refused.value.code == code
    assert world.store.get(resource_id) is not None


def test_a_group_takes_everything_in_it_along_machines_first(world: World) -> None:
    world.backend.calls.clear()
    world.arm.delete(GROUP)
    deleted = [name for verb, name in world.backend.calls if verb == "delete"]
    assert set(deleted[:3]) == {"vm-a", "gate", "cpu-a"}
    left = {resource.type for resource in world.store.list()}
    assert left == {"keyvault:DeletedVault"}


def test_a_group_stays_while_another_group_uses_its_subnet(world: World) -> None:
    world.arm.put(
        "resources:ResourceGroup", {"resourceGroupName": "nodes", "location": "westeurope"}
    )
    name = {"resourceGroupName": "nodes", "vmScaleSetName": "cpu-b"}
    world.arm.put(SETS, world.body(SETS, name))
    with pytest.raises(AzureError) as refused:
        world.arm.delete(GROUP)
    assert refused.value.code == "InUseSubnetCannotBeDeleted"


def test_deleting_what_is_gone_is_no_error(world: World) -> None:
    world.arm.delete(GATE)
    world.arm.delete(GATE)


def test_a_purged_vault_name_is_free_again(world: World) -> None:
    world.arm.delete(VAULT)
    assert purge(world.store) == ["vault-1"]
    world.arm.put("keyvault:Vault", world.body("keyvault:Vault"))


def test_a_new_identity_is_another_principal(world: World) -> None:
    first = world.store.get(IDENTITY)
    for user in (VM, SCALE_SET, IDENTITY):
        world.arm.delete(user)
    second = world.arm.put(
        "managedidentity:UserAssignedIdentity", world.body("managedidentity:UserAssignedIdentity")
    )
    assert first is not None
    assert first.outputs["principalId"] != second.outputs["principalId"]


def test_roles_hold_below_their_scope_and_nowhere_else(world: World) -> None:
    virtual = world.store.get(VM)
    assert virtual is not None
    [identity] = identities(world.store, virtual)
    principal = identity.outputs["principalId"]
    assert allowed(world.store, principal, READER, SECRET)
    assert allowed(world.store, principal, READER, f"{SECRET}/versions/1")
    assert not allowed(world.store, principal, READER, f"{SECRET}2")
    assert not allowed(world.store, principal, READER, VAULT)
    assert not allowed(world.store, principal, SUBSCRIPTION, SECRET)
    assert not allowed(world.store, SUBSCRIPTION, READER, SECRET)


def test_unknown_values_are_no_faults(world: World) -> None:
    body = world.body(VMS, {"vmName": UNKNOWN, "osProfile.customData": UNKNOWN})
    assert world.arm.problems(VMS, body | {"networkProfile": UNKNOWN}) == []


def test_all_faults_of_a_body_are_told_at_once(world: World) -> None:
    body = world.body(VMS, {"osProfile.customData": "no base64", "vmName": "-", "typo": 1})
    assert len(world.arm.problems(VMS, body)) == 3


def test_a_client_never_reads_secrets_or_custom_data_back(world: World) -> None:
    virtual, secret = world.store.get(VM), world.store.get(SECRET)
    assert virtual is not None
    assert secret is not None
    assert "customData" not in shown(VMS, virtual.properties)["osProfile"]
    known = world.body("keyvault:Secret", {"properties.value": "what the client wrote"})
    assert read(secret, known) == known
