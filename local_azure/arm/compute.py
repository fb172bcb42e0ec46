"""Rules of Microsoft.Compute."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any

from config.azure_limits import CUSTOM_DATA_MAX_BYTES, SIZES, Size
from local_azure.arm.rules import Request, rule
from local_azure.arm.shapes import at, one
from local_azure.arm.store import Resource

VM = "compute:VirtualMachine"
SCALE_SET = "compute:VirtualMachineScaleSet"
DISK = "compute:Disk"
DATA_DISK = "storageProfile.dataDisks.managedDisk.id"
# Facts 4: beyond this a scale set spans several placement groups.
PLACEMENT_GROUP_INSTANCES = 100


def _size_name(request: Request) -> Any:
    return request.one("hardwareProfile.vmSize" if request.kind.type == VM else "sku.name")


def _profile(request: Request, path: str) -> Any:
    """A value of the machine's profile, which scale sets have one level down."""
    return request.one(path if request.kind.type == VM else f"virtualMachineProfile.{path}")


@rule("SkuNotAvailable", "§1", VM, SCALE_SET)
def size_can_be_created(request: Request) -> Iterator[str]:
    name = _size_name(request)
    size = SIZES.get(name)
    if name is not None and size is None:
        yield f"The requested VM size {name} is not known."
    elif size is not None and size.retired:
        yield f"The requested VM size {name} has been retired since {size.retirement}."


def _needs(code: str, path: str, has: Callable[[Size, str], bool]) -> None:
    """A rule: a value at this path of the profile needs a size that has what it takes."""

    @rule(code, "§1 §12", VM, SCALE_SET)
    def size_has_what_it_takes(request: Request) -> Iterator[str]:
        size, value = SIZES.get(_size_name(request)), _profile(request, path)
        if size is not None and value is not None and not has(size, value):
            yield f"{path} '{value}' is not supported by the VM size '{size.name}'."


def _generation(image_sku: str) -> int:
    return 1 if image_sku.endswith("gen1") else 2


_needs(
    "BadRequest",
    "storageProfile.imageReference.sku",
    lambda size, sku: _generation(sku) in size.generations,
)
_needs(
    "BadRequest",
    "securityProfile.securityType",
    lambda size, kind: kind != "TrustedLaunch" or 2 in size.generations,
)
_needs(
    "InvalidParameter",
    "storageProfile.osDisk.managedDisk.storageAccountType",
    lambda size, disk: size.premium or not disk.startswith("Premium"),
)


@rule("BadRequest", "§12", VM, SCALE_SET)
def trusted_launch_has_a_generation_2_image(request: Request) -> Iterator[str]:
    sku = _profile(request, "storageProfile.imageReference.sku")
    trusted = _profile(request, "securityProfile.securityType") == "TrustedLaunch"
    if trusted and sku is not None and _generation(sku) == 1:
        yield "Use of TrustedLaunch setting is not supported for Gen 1 images."


@rule("InvalidParameter", "§1", VM, SCALE_SET)
def size_has_the_disk_controller(request: Request) -> Iterator[str]:
    size, said = (
        SIZES.get(_size_name(request)),
        _profile(request, "storageProfile.diskControllerType"),
    )
    if size is not None and (said or "SCSI") != size.disk_controller:
        yield f"Disk controller type '{said}' is not supported by the VM size '{size.name}'."


@rule("VMSizeIsNotPermittedToEnableAcceleratedNetworking", "§6", VM, SCALE_SET, live=True)
def size_accelerates_its_network(request: Request) -> Iterator[str]:
    size = SIZES.get(_size_name(request))
    nics = map(request.store.get, request.all("networkProfile.networkInterfaces.id"))
    bodies = [nic.properties for nic in nics if nic is not None]
    bodies += request.all("virtualMachineProfile.networkProfile.networkInterfaceConfigurations")
    wanted = any(one(body, "enableAcceleratedNetworking") for body in bodies)
    if wanted and size is not None and not size.accelerated_networking:
        yield f"Accelerated networking is not allowed for VM size {size.name}."


@rule("InvalidParameter", "§3", VM, SCALE_SET)
def custom_data_fits(request: Request) -> Iterator[str]:
    try:
        data = base64.b64decode(_profile(request, "osProfile.customData") or "", validate=True)
    except (binascii.Error, ValueError):
        yield "Custom data in OSProfile must be in Base64 encoding."
    else:
        if len(data) > CUSTOM_DATA_MAX_BYTES:
            yield f"Custom data in OSProfile has {len(data)} bytes, over {CUSTOM_DATA_MAX_BYTES}."


@rule("NicInUse", "U", VM, live=True)
def interface_is_free(request: Request) -> Iterator[str]:
    path = "networkProfile.networkInterfaces.id"
    wanted = {nic.lower() for nic in request.all(path)}
    for other in request.others(VM):
        if wanted & {nic.lower() for nic in at(other.properties, path)}:
            yield f"A network interface is used by existing resource {other.id}."


def _data_disks(request: Request) -> Iterator[Resource]:
    for found in map(request.store.get, request.all(DATA_DISK)):
        if found is not None:
            yield found


@rule("AttachDiskWhileBeingAttached", "U", VM, live=True)
def data_disk_is_free(request: Request) -> Iterator[str]:
    wanted = {disk.id.lower() for disk in _data_disks(request)}
    for other in request.others(VM):
        for taken in at(other.properties, DATA_DISK):
            if taken.lower() in wanted:
                yield f"Disk {taken} is attached to {other.id}, and no shared disk."


@rule("BadRequest", "U", VM, live=True)
def data_disk_is_in_the_machines_zone(request: Request) -> Iterator[str]:
    for disk in _data_disks(request):
        if at(disk.properties, "zones") != request.all("zones"):
            yield f"Disk {disk.name} and the virtual machine are not in the same zone."


@rule("InvalidParameter", "§1", VM, live=True)
def size_takes_the_data_disk(request: Request) -> Iterator[str]:
    size = SIZES.get(_size_name(request))
    for disk in _data_disks(request):
        if (
            size is not None
            and not size.premium
            and disk.properties["sku"]["name"][:7] == "Premium"
        ):
            yield f"Premium disk {disk.name} cannot be attached to VM size {size.name}."


@rule("ResizeDiskError", "U", DISK, live=True)
def disk_only_grows(request: Request) -> Iterator[str]:
    was = one(request.old.properties, "diskSizeGB") if request.old is not None else 0
    if request.one("diskSizeGB") < was:
        yield f"A disk's size can only be increased, and it has {was} GiB."


@rule("InvalidParameter", "U", DISK)
def premium_v2_is_zonal(request: Request) -> Iterator[str]:
    if request.one("sku.name") == "PremiumV2_LRS" and not request.all("zones"):
        yield "A disk of type PremiumV2_LRS needs a zone."


@rule("OperationNotAllowed", "§4", SCALE_SET)
def large_sets_span_placement_groups(request: Request) -> Iterator[str]:
    capacity = request.one("sku.capacity") or 0
    if capacity > PLACEMENT_GROUP_INSTANCES and request.one("singlePlacementGroup") is not False:
        yield f"{capacity} instances need singlePlacementGroup false; it is true by default."


@rule("OperationNotAllowed", "§4", SCALE_SET, live=True)
def placement_groups_stay_several(request: Request) -> Iterator[str]:
    was = one(request.old.properties, "singlePlacementGroup") if request.old is not None else None
    if was is False and request.one("singlePlacementGroup") is not False:
        yield "singlePlacementGroup cannot be set to true once it was false."
