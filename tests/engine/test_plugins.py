"""The azure-native plugin as the real engine sees it, with a small program."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from local_azure.arm.backend import RunResult
from tests.engine.conftest import QUIET, Stack
from tests.unit.azure_world import BODIES, NIC, SCALE_SET, RecordingBackend

GROUP = "resources:ResourceGroup"
VNET = "network:VirtualNetwork"
SUBNET = "network:Subnet"
NICS = "network:NetworkInterface"
VAULTS = "keyvault:Vault"
SECRETS = "keyvault:Secret"
IDENTITY = "managedidentity:UserAssignedIdentity"
VMS = "compute:VirtualMachine"
SETS = "compute:VirtualMachineScaleSet"
GATES = "compute:VirtualMachineRunCommandByVirtualMachine"
# What machines stand on.
BASE = [GROUP, VNET, "network:NetworkSecurityGroup", "network:PublicIPAddress"]
BASE += ["network:NatGateway", SUBNET, "network:LoadBalancer", IDENTITY]

Entry = dict[str, Any]


def entry(type: str, inputs: Entry, after: list[str], name: str = "", **options: Any) -> Entry:
    own, full = name or type.partition(":")[2], f"azure-native:{type}"
    return {"name": own, "type": full, "inputs": inputs, "after": after, "options": options}


def entries(*types: str) -> list[Entry]:
    """Each type's valid body, every one after the one before; secrets go with their vault."""
    made: list[Entry] = []
    for type in types:
        made.append(entry(type, dict(BODIES[type]), [one["name"] for one in made[-1:]]))
        made[-1]["options"] = {"retain_on_delete": type == SECRETS}
    return made


def machine(key: str, data: str, after: str) -> list[Entry]:
    """NIC, VM and gate as the program makes them: one after the other, replaced one at a time."""
    name = f"vm-{key}"
    configuration = BODIES[NICS]["ipConfigurations"][0] | {"privateIPAddress": f"10.0.1.{ord(key)}"}
    nic = BODIES[NICS] | {"networkInterfaceName": name, "ipConfigurations": [configuration]}
    vm = BODIES[VMS] | {
        "vmName": name,
        "networkProfile": {"networkInterfaces": [{"id": NIC.replace("vm-a", name)}]},
        "storageProfile": {**BODIES[VMS]["storageProfile"], "dataDisks": []},
        "osProfile": {
            "computerName": name,
            "adminUsername": "kilonode",
            "customData": base64.b64encode(data.encode()).decode(),
        },
    }
    gate = BODIES[GATES] | {
        "vmName": name,
        "runCommandName": f"gate-{key}",
        "parameters": [{"name": "hash", "value": data}],
    }
    chained = {"delete_before_replace": True, "replace_on_changes": ["osProfile.customData"]}
    return [
        entry(NICS, nic, [after], f"nic-{key}"),
        entry(VMS, vm, [f"nic-{key}", after], name, **chained),
        entry(GATES, gate, [name], f"gate-{key}"),
    ]


def test_a_second_up_writes_nothing_and_a_destroy_leaves_only_a_held_name(small: Stack) -> None:
    ordinary = [type for type in BODIES if type != "authorization:RoleAssignment"]
    small.program(entries(*ordinary))
    small.succeeds("up", *QUIET)
    before = small.writes()
    assert f"{len(ordinary) + 1} unchanged" in small.succeeds("up", *QUIET, "--refresh")
    assert small.writes() == before
    small.succeeds("destroy", *QUIET)
    assert {resource.type for resource in small.store.list()} == {"keyvault:DeletedVault"}
    small.program(entries(GROUP, VAULTS))
    assert "ConflictError" in small.fails("up", *QUIET)


def test_a_secret_is_not_deleted_without_a_right_on_the_vault(small: Stack) -> None:
    (group, vault) = entries(GROUP, VAULTS)
    secret = entry(SECRETS, dict(BODIES[SECRETS]), [vault["name"]])
    small.program([group, vault, secret])
    small.succeeds("up", *QUIET)
    assert 'Code="Forbidden"' in small.fails("destroy", *QUIET)


def test_new_custom_data_replaces_one_machine_after_the_other(small: Stack) -> None:
    def program(data: str) -> None:
        base = entries(*BASE)
        first = machine("a", data, base[-1]["name"])
        small.program([*base, *first, *machine("b", data, "gate-a")])

    program("one")
    small.succeeds("up", *QUIET)
    before = len(small.writes())
    program("two")
    assert "2 replaced" in small.succeeds("up", *QUIET)
    # A gate goes with its machine; a run command is written again when its script has ended.
    assert small.writes()[before:] == [
        *[("DELETE", "gate-a"), ("DELETE", "vm-a"), ("PUT", "vm-a")],
        *[("PUT", "gate-a"), ("PUT", "gate-a")],
        *[("DELETE", "gate-b"), ("DELETE", "vm-b"), ("PUT", "vm-b")],
        *[("PUT", "gate-b"), ("PUT", "gate-b")],
    ]


def test_an_ignored_capacity_is_the_states_old_one_unless_it_is_refreshed(small: Stack) -> None:
    """The hazard of a full PUT: the autoscaler's nodes go with the change of a tag."""

    def program(tag: str) -> None:
        body = BODIES[SETS] | {"tags": {"max": tag}}
        base = entries(*BASE)
        ignoring = {"ignore_changes": ["sku.capacity"]}
        small.program([*base, entry(SETS, body, [base[-1]["name"]], "pool", **ignoring)])

    def capacity(to: int | None = None) -> int:
        found = small.store.get(SCALE_SET)
        assert found is not None
        if to is not None:
            sku = found.properties["sku"] | {"capacity": to}
            small.store.put(replace(found, properties=found.properties | {"sku": sku}))
            return to
        return int(found.properties["sku"]["capacity"])

    program("100")
    small.succeeds("up", *QUIET)
    capacity(90)
    program("200")
    small.succeeds("up", *QUIET)
    assert capacity() == 3
    capacity(90)
    program("300")
    assert "refresh" in (seen := small.succeeds("up", *QUIET, "--refresh")), seen
    assert capacity() == 90


def test_a_preview_refuses_what_azure_would_and_writes_nothing(small: Stack) -> None:
    faulty = entries(GROUP, VNET, SUBNET)
    faulty[2]["inputs"] |= {"natGateway": None, "networkSecurityGroup": None}
    faulty[1]["inputs"] |= {"subnets": [{"name": "inline"}]}
    faulty[2]["inputs"]["addressPrefix"] = "10.0.1.0"
    small.program(faulty)
    assert "Could not find member 'subnets'" in small.fails("preview")
    assert small.writes() == []


def test_an_up_stops_at_what_only_the_live_state_can_refuse(small: Stack) -> None:
    program = entries(*BASE)
    taken = machine("a", "one", program[-1]["name"])[0]
    taken["inputs"]["ipConfigurations"][0]["privateIPAddress"] = "10.0.1.9"
    small.program([*program, taken])
    small.succeeds("preview")
    assert "PrivateIPAddressInUse" in small.fails("up", *QUIET)
    assert ("PUT", "vm-a") not in small.writes()


def test_what_exists_without_being_in_the_state_is_not_created_again(small: Stack) -> None:
    small.program(entries(GROUP))
    small.succeeds("up", *QUIET)
    state = json.loads(small.succeeds("stack", "export", "--show-secrets"))
    urn = state["deployment"]["resources"][-1]["urn"]
    small.succeeds("state", "delete", urn, "--yes")
    assert "cannot create already existing resource" in small.fails("up", *QUIET)


def test_a_failing_gate_stops_the_update_and_is_asked_again_by_the_next_one(small: Stack) -> None:
    backend = RecordingBackend()
    backend.result = RunResult(1, "member b is down")
    stack = small.attached(backend)
    base = entries(*BASE)
    first = machine("a", "one", base[-1]["name"])
    stack.program([*base, *first, *machine("b", "one", "gate-a")])
    assert "member b is down" in stack.fails("up", *QUIET)
    assert ("create", "vm-b") not in backend.calls
    backend.result = RunResult(0)
    # The gate is in the state, so it is updated and not created once more.
    assert "1 updated" in stack.succeeds("up", *QUIET)
    asked = [name for verb, name in backend.calls if verb == "run"]
    assert asked == ["gate-a", "gate-a", "gate-b"]
