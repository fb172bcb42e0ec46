"""Makes virtual machines and scale sets of the store into machines."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from config.azure_limits import SUBNET_RESERVED_FIRST
from local_azure.arm.backend import RunResult
from local_azure.arm.compute import DATA_DISK, DISK, SCALE_SET, VM
from local_azure.arm.network import BALANCER, NIC
from local_azure.arm.shapes import at, one
from local_azure.arm.store import Resource, Store
from local_azure.machines import disk, guest, machine
from local_azure.machines.machine import MachineError
from local_azure.machines.spec import Spec, load, machines
from local_azure.services import MachineIdentity

_NETWORK_CARD = "networkProfile.networkInterfaces.id"
_SET_SUBNET = (
    "virtualMachineProfile.networkProfile.networkInterfaceConfigurations.ipConfigurations.subnet.id"
)
_STATIC_ADDRESSES = {
    NIC: "ipConfigurations.privateIPAddress",
    BALANCER: "frontendIPConfigurations.privateIPAddress",
}
# Azure's limit where the run command names none: 90 minutes.
_RUN_SECONDS = 5400
# Booting is work for processors, and a box has few.
_AT_ONCE = 4
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class MachineBackend:
    """The backend of machine mode. image: the base image's directory; changed: called after every
    write to the store, for the services that follow it."""

    def __init__(self, store: Store, image: Path, changed: Callable[[], None]) -> None:
        self._store = store
        self._image = image
        self._changed = changed
        # From the choice of an address to the machine that holds it.
        self._making = threading.Lock()

    def create(self, resource: Resource) -> None:
        self._converge(resource)
        self._changed()

    def update(self, old: Resource, new: Resource) -> None:
        self.create(new)

    def delete(self, resource: Resource) -> None:
        if resource.type in (VM, SCALE_SET):
            _each(machine.delete, _machines_of(resource))
        elif resource.type == DISK:
            disk.forget(disk.managed(resource.name))

    def run_command(self, resource: Resource) -> RunResult:
        """The script of a VirtualMachineRunCommandByVirtualMachine, as root on its machine."""
        owner = resource.id.rpartition("/runCommands/")[0]
        spec = next((one for one in machines() if one.resource.lower() == owner.lower()), None)
        if spec is None:
            raise MachineError(f"{owner} has no machine")
        properties = resource.properties
        parameters = {each["name"]: each["value"] for each in properties.get("parameters", [])}
        seconds = int(properties.get("timeoutInSeconds") or _RUN_SECONDS)
        ended = guest.run_script(spec, properties["source"]["script"], parameters, seconds)
        return RunResult(ended.exit_code, ended.stdout, ended.stderr)

    def recover(self, say: Callable[[str], None]) -> None:
        """Bring every stored machine to its end state: after a reboot of the host, or a daemon
        that was killed in the middle of a request."""
        for resource in [*self._store.list(VM), *self._store.list(SCALE_SET)]:
            try:
                self._converge(resource)
            except Exception as error:  # One broken machine must not keep the others down.
                say(f"{resource.name}: {error}")

    def by_address(self, address: str) -> MachineIdentity | None:
        """Who asks the metadata service from this address."""
        for spec in machines():
            if spec.address == address:
                return MachineIdentity(spec.resource, spec.vm_id, spec.hostname, address)
        return None

    def _converge(self, resource: Resource) -> None:
        if resource.type == VM:
            self._virtual_machine(resource)
        elif resource.type == SCALE_SET:
            self._scale_set(resource)
        elif resource.type == DISK:
            disk.provide(resource.name, int(resource.properties["diskSizeGB"]))
            return
        else:
            return
        # One that a person has stopped stays so.
        wanted = [spec for spec in _machines_of(resource) if spec.power == "running"]
        _each(machine.start, wanted)

    def _virtual_machine(self, resource: Resource) -> None:
        if _machines_of(resource):
            return
        configuration = self._stored(one(resource.properties, _NETWORK_CARD)).properties
        profile = resource.properties["osProfile"]
        self._make(
            resource.id,
            resource.outputs["vmId"],
            profile["computerName"],
            profile["customData"],
            one(configuration, "ipConfigurations.subnet.id"),
            one(configuration, "ipConfigurations.privateIPAddress"),
            one(resource.properties, DATA_DISK),
        )

    def _scale_set(self, resource: Resource) -> None:
        """New instances get the model's user data; instances that exist keep theirs (§3)."""
        profile = resource.properties["virtualMachineProfile"]["osProfile"]
        capacity = int(resource.properties["sku"]["capacity"])
        existing = _machines_of(resource)
        _each(machine.delete, existing[capacity:])
        number = _number(existing[-1]) + 1 if existing else 0
        for index in range(number, number + capacity - len(existing)):
            self._make(
                f"{resource.id}/virtualMachines/{index}",
                str(uuid.uuid4()),
                f"{profile['computerNamePrefix']}{base36(index):0>6}",
                profile["customData"],
                one(resource.properties, _SET_SUBNET),
                None,
            )

    def _make(
        self,
        resource: str,
        vm_id: str,
        hostname: str,
        custom_data: str,
        subnet_id: str,
        address: str | None,
        disk_id: str | None = None,
    ) -> None:
        data_disk = str(disk.managed(disk_id.rpartition("/")[2])) if disk_id else ""
        subnet = self._stored(subnet_id).properties["addressPrefix"]
        with self._making:
            taken = load(hostname)
            if taken is not None and taken.resource != resource:
                raise MachineError(f"{taken.resource} has the name {hostname} already")
            address = address or self._free_address(subnet)
            image = str(self._image)
            Spec(
                *(resource, vm_id, hostname, address, subnet, custom_data, image),
                data_disk=data_disk,
            ).save()

    def _free_address(self, subnet: str) -> str:
        used = {spec.address for spec in machines()}
        for type, path in _STATIC_ADDRESSES.items():
            used |= {
                used for other in self._store.list(type) for used in at(other.properties, path)
            }
        # hosts() leaves out the network's own address and the last one.
        for address in list(IPv4Network(subnet).hosts())[SUBNET_RESERVED_FIRST - 1 :]:
            if str(address) not in used:
                return str(address)
        raise MachineError(f"subnet {subnet} has no free address")

    def _stored(self, resource_id: Any) -> Resource:
        found = self._store.get(resource_id)
        if found is None:
            raise MachineError(f"{resource_id} does not exist")
        return found


def base36(number: int) -> str:
    """As Azure counts a scale set's hosts: digits, then capital letters."""
    high, low = divmod(number, 36)
    return (base36(high) if high else "") + _DIGITS[low]


def _machines_of(resource: Resource) -> list[Spec]:
    """The VM's machine, or the scale set's by their numbers."""
    own = resource.id.lower()
    found = [spec for spec in machines() if f"{spec.resource.lower()}/".startswith(f"{own}/")]
    return sorted(found, key=_number) if resource.type == SCALE_SET else found


def _number(instance: Spec) -> int:
    return int(instance.resource.rpartition("/")[2])


def _each(verb: Callable[[Spec], None], specs: Sequence[Spec]) -> None:
    """Apply to all at once, and raise the first failure when all have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(verb, specs))
