"""Which machines the stored virtual machines and scale sets come to; nothing is booted."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

from local_azure.arm.store import Resource, Store
from local_azure.machines import disk, machine, verbs
from local_azure.machines.backend import MachineBackend, base36
from local_azure.machines.machine import MachineError
from local_azure.machines.spec import Spec, load, machines

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/c-nodes/providers"
SUBNET = f"{GROUP}/Microsoft.Network/virtualNetworks/c/subnets/nodes"
CARD = f"{GROUP}/Microsoft.Network/networkInterfaces/c-master-a"
VM = f"{GROUP}/Microsoft.Compute/virtualMachines/c-master-a"
SCALE_SET = f"{GROUP}/Microsoft.Compute/virtualMachineScaleSets/c-cpu-a"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("KILONODE_STATE", str(tmp_path))
    return World(tmp_path, monkeypatch)


class World:
    """A store with a subnet and a card, and machines that exist on paper alone."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[str] = []
        self.changes = 0
        self.store = Store(state / "azure")
        self.backend = MachineBackend(self.store, state / "image", self._changed)
        monkeypatch.setattr(machine, "start", lambda spec: self.started.append(spec.name))
        monkeypatch.setattr(machine, "delete", lambda spec: shutil.rmtree(spec.directory))
        self.put("network:Subnet", SUBNET, addressPrefix="10.0.2.0/29")
        address = {"privateIPAddress": "10.0.2.5", "subnet": {"id": SUBNET}}
        self.put("network:NetworkInterface", CARD, ipConfigurations=[address])

    def _changed(self) -> None:
        self.changes += 1

    def put(self, type: str, id: str, **properties: object) -> Resource:
        name = id.rpartition("/")[2]
        resource = Resource(type, id, name, "c-nodes", properties, {"vmId": "id-of-vm"})
        self.store.put(resource)
        return resource

    def virtual_machine(self, **properties: object) -> Resource:
        return self.put(
            "compute:VirtualMachine",
            VM,
            **properties,
            osProfile={"computerName": "c-master-a", "customData": encoded("first")},
            networkProfile={"networkInterfaces": [{"id": CARD}]},
        )

    def scale_set(self, capacity: int, text: str = "first") -> Resource:
        card = {"ipConfigurations": [{"subnet": {"id": SUBNET}}]}
        return self.put(
            "compute:VirtualMachineScaleSet",
            SCALE_SET,
            sku={"capacity": capacity},
            virtualMachineProfile={
                "osProfile": {"computerNamePrefix": "cpu-a-", "customData": encoded(text)},
                "networkProfile": {"networkInterfaceConfigurations": [card]},
            },
        )


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def found(name: str) -> Spec:
    spec = load(name)
    assert spec is not None
    return spec


def test_hosts_of_a_scale_set_are_counted_in_upper_case_base_36() -> None:
    assert [base36(number) for number in (0, 9, 10, 35, 36, 999)] == [
        "0",
        "9",
        "A",
        "Z",
        "10",
        "RR",
    ]


def test_a_virtual_machine_boots_once_with_its_cards_address(world: World) -> None:
    resource = world.virtual_machine()
    world.backend.create(resource)
    world.backend.update(resource, resource)
    spec = found("c-master-a")
    assert (spec.address, spec.subnet, spec.vm_id) == ("10.0.2.5", "10.0.2.0/29", "id-of-vm")
    assert len(machines()) == 1
    assert world.changes == 2, "the services follow every write"


def test_instances_take_the_first_free_address_that_azure_does_not_reserve(world: World) -> None:
    world.backend.create(world.scale_set(2))
    placed = [(spec.hostname, spec.address) for spec in machines()]
    assert placed == [("cpu-a-000000", "10.0.2.4"), ("cpu-a-000001", "10.0.2.6")]
    with pytest.raises(MachineError, match="no free address"):
        world.backend.create(world.scale_set(3))


def test_scaling_down_takes_the_highest_instances_and_up_counts_on(world: World) -> None:
    world.backend.create(world.scale_set(2))
    world.backend.create(world.scale_set(1))
    assert [spec.name for spec in machines()] == ["cpu-a-000000"]
    world.backend.create(world.scale_set(2))
    assert [spec.name for spec in machines()] == ["cpu-a-000000", "cpu-a-000001"]


def test_only_new_instances_get_new_user_data(world: World) -> None:
    world.backend.create(world.scale_set(1))
    world.backend.create(world.scale_set(2, "second"))
    assert found("CPU-A-000000").custom_data == encoded("first")
    assert found("CPU-A-000001").custom_data == encoded("second")


def test_recovery_starts_what_should_run_and_leaves_what_a_person_stopped(world: World) -> None:
    world.backend.create(world.scale_set(2))
    found("cpu-a-000001").powered("stopped")
    world.virtual_machine()  # Stored by a daemon that was killed before the machine was made.
    world.started.clear()
    world.backend.recover(print)
    assert world.started == ["c-master-a", "cpu-a-000000"]


def test_two_resources_cannot_share_a_host_name(world: World) -> None:
    world.backend.create(world.virtual_machine())
    twin = world.virtual_machine()
    other = Resource(twin.type, f"{VM}-2", twin.name, twin.group, twin.properties, twin.outputs)
    with pytest.raises(MachineError, match="has the name c-master-a already"):
        world.backend.create(other)


def test_deleting_takes_the_resources_own_machines_only(world: World) -> None:
    world.backend.create(world.scale_set(1))
    world.backend.create(world.virtual_machine())
    world.backend.delete(world.scale_set(1))
    assert [spec.name for spec in machines()] == ["c-master-a"]


def test_the_metadata_service_learns_who_asks_from_the_address(world: World) -> None:
    world.backend.create(world.scale_set(1))
    caller = world.backend.by_address("10.0.2.4")
    assert caller is not None
    assert caller.resource_id == f"{SCALE_SET}/virtualMachines/0"
    assert world.backend.by_address("10.0.2.5") is None


@pytest.fixture
def reimaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spec:
    """A stopped machine with an old disk, and no real machine behind it."""
    monkeypatch.setenv("KILONODE_STATE", str(tmp_path))
    monkeypatch.setattr("local_azure.paths.RUN", tmp_path / "run")
    monkeypatch.setattr(machine, "stop", lambda _: None)
    monkeypatch.setattr(machine, "start", lambda _: None)
    spec = Spec("r", "v", "cpu-a-000000", "10.0.2.4", "10.0.2.0/24", "", "", power="stopped")
    spec.save()
    (spec.directory / "upper" / "old").mkdir(parents=True)
    return spec


@pytest.mark.parametrize("left", ["", "upper.draft/half", "nothing"])
def test_a_reimage_after_an_interrupted_one_takes_the_old_disk_away(
    reimaged: Spec, left: str
) -> None:
    """A draft that was left behind made every further reimage fail."""
    if left == "nothing":
        shutil.rmtree(reimaged.directory / "upper")
    else:
        (reimaged.directory / left).mkdir(parents=True, exist_ok=True)
    machine.reimage(reimaged)
    assert not (reimaged.directory / "upper").exists()
    assert not (reimaged.directory / "upper.draft/half").exists()


def test_a_reimaged_machine_is_one_that_should_run(reimaged: Spec) -> None:
    """Or the daemon's next start would not boot it again."""
    verbs._reimage(reimaged)
    spec = load(reimaged.name)
    assert spec is not None
    assert spec.power == "running"


DISK = f"{GROUP}/Microsoft.Compute/disks/c-data"


def test_a_managed_disk_is_raw_grows_and_ends_only_with_itself(world: World) -> None:
    made = world.put("compute:Disk", DISK, diskSizeGB=1)
    world.backend.create(made)
    file = disk.managed("c-data")
    assert file.stat().st_size == 1 << 30
    assert file.stat().st_blocks == 0
    world.backend.update(made, world.put("compute:Disk", DISK, diskSizeGB=2))
    assert file.stat().st_size == 2 << 30

    machine_of_it = world.virtual_machine(
        storageProfile={"dataDisks": [{"lun": 0, "managedDisk": {"id": DISK}}]}
    )
    world.backend.create(machine_of_it)
    spec = load("c-master-a")
    assert spec is not None
    assert spec.data_disk == str(file)
    world.backend.delete(machine_of_it)
    assert file.exists(), "it outlives its machine"
    world.backend.delete(made)
    assert not file.exists()
