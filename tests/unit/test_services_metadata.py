"""The metadata service answers a machine about itself, and hands out its identity's tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.services.imds import MachineIdentity, MetadataService
from tests.unit.services_world import (
    COMPUTE,
    IDENTITY,
    MACHINE,
    Client,
    World,
    serving,
    virtual_machine,
)

INSTANCE = "/metadata/instance"
VERSION = "api-version=2021-02-01"
TOKEN = "/metadata/identity/oauth2/token?api-version=2018-02-01"
VAULT_TOKEN = f"{TOKEN}&resource=https://vault.azure.net"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def ask(world: World) -> Iterator[Client]:
    service = MetadataService(world.store, world, world.tokens)
    with serving(service.application(), "169.254.169.254") as client:
        yield client


def test_a_machine_reads_who_and_where_it_is(ask: Client) -> None:
    compute = ask(f"{INSTANCE}?{VERSION}", Metadata="true").json["compute"]
    assert compute["resourceId"] == MACHINE
    assert compute["name"] == "c-etcd-a"
    assert compute["osProfile"] == {"computerName": "c-etcd-a"}
    assert (compute["vmSize"], compute["zone"]) == ("Standard_L8s_v4", "2")
    assert (compute["resourceGroupName"], compute["location"]) == ("c-control", "westeurope")
    assert compute["tagsList"] == [{"name": "team", "value": "infra"}]
    assert compute["vmScaleSetName"] == ""


def test_a_leaf_is_text_and_only_when_asked_for_as_text(ask: Client) -> None:
    leaf = f"{INSTANCE}/compute/resourceId?{VERSION}"
    answer = ask(f"{leaf}&format=text", Metadata="true")
    assert (answer.status, answer.body.decode()) == (200, MACHINE)
    assert ask(leaf, Metadata="true").status == 400
    assert ask(f"{INSTANCE}/compute?{VERSION}&format=text", Metadata="true").status == 400


def test_an_address_is_found_under_the_network(ask: Client) -> None:
    path = f"{INSTANCE}/network/interface/0/ipv4/ipAddress/0/privateIpAddress"
    assert ask(f"{path}?{VERSION}&format=text", Metadata="true").body == b"10.0.0.10"


def test_an_unknown_path_is_not_found(ask: Client) -> None:
    assert ask(f"{INSTANCE}/compute/nothing?{VERSION}", Metadata="true").status == 404
    assert ask(f"{INSTANCE}/network/interface/7?{VERSION}", Metadata="true").status == 404


def test_a_scale_set_instance_has_its_set_and_its_number(world: World, ask: Client) -> None:
    scale_set = f"{COMPUTE}/virtualMachineScaleSets/c-cpu-a"
    size = {"name": "Standard_D15_v2", "capacity": 5}
    properties = {"location": "westeurope", "sku": size}
    world.put("compute:VirtualMachineScaleSet", scale_set, properties)
    instance = f"{scale_set}/virtualMachines/4"
    world.machine = MachineIdentity(instance, "an id", "cpu-a-000004", "10.0.64.8")
    compute = ask(f"{INSTANCE}?{VERSION}", Metadata="true").json["compute"]
    assert (compute["name"], compute["vmScaleSetName"]) == ("c-cpu-a_4", "c-cpu-a")
    assert compute["resourceId"] == instance
    assert (compute["vmSize"], compute["zone"]) == ("Standard_D15_v2", "")


def test_the_header_is_needed(ask: Client) -> None:
    answer = ask(VAULT_TOKEN)
    assert answer.status == 400
    assert answer.json["error_description"] == "Required metadata header not specified"


def test_the_version_is_needed(ask: Client) -> None:
    assert ask(INSTANCE, Metadata="true").status == 400


def test_a_request_through_a_proxy_is_refused(ask: Client) -> None:
    assert ask(VAULT_TOKEN, Metadata="true", X_Forwarded_For="10.0.0.10").status == 400


def test_who_is_not_a_machine_gets_nothing(world: World, ask: Client) -> None:
    world.machine = None
    assert ask(VAULT_TOKEN, Metadata="true").status == 404


def test_a_machine_with_one_identity_needs_no_client_id(world: World, ask: Client) -> None:
    answer = ask(VAULT_TOKEN, Metadata="true").json
    assert answer["client_id"] == "client of c-etcd"
    assert answer["resource"] == "https://vault.azure.net"
    assert int(answer["expires_in"]) == 86400
    assert answer["access_token"].count(".") == 2


def test_a_machine_with_two_identities_must_choose(world: World, ask: Client) -> None:
    identities = [IDENTITY, world.identity("c-other")]
    world.put("compute:VirtualMachine", MACHINE, virtual_machine(identities))
    answer = ask(VAULT_TOKEN, Metadata="true")
    assert answer.status == 400
    assert "Multiple user assigned identities exist" in answer.json["error_description"]
    chosen = ask(f"{VAULT_TOKEN}&client_id=client%20of%20c-other", Metadata="true")
    assert chosen.json["client_id"] == "client of c-other"
    chosen = ask(f"{VAULT_TOKEN}&msi_res_id={IDENTITY.upper()}", Metadata="true")
    assert chosen.json["client_id"] == "client of c-etcd"


def test_a_machine_without_an_identity_gets_no_token(world: World, ask: Client) -> None:
    world.put("compute:VirtualMachine", MACHINE, virtual_machine([]))
    answer = ask(VAULT_TOKEN, Metadata="true")
    assert (answer.status, answer.json["error_description"]) == (400, "Identity not found")


def test_a_token_is_for_one_resource(ask: Client) -> None:
    assert ask(TOKEN, Metadata="true").status == 400


def test_more_than_five_requests_a_second_are_throttled(ask: Client) -> None:
    statuses = [ask(f"{INSTANCE}?{VERSION}", Metadata="true").status for _ in range(8)]
    assert statuses == [200] * 5 + [429] * 3
    assert ask(VAULT_TOKEN, Metadata="true").status == 200, "tokens have a limit of their own"
