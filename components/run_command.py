"""Commands on a machine, through Azure: no network path to the machine is needed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import compute

from components.azure import ResourceGroup, known

# The machine, its group or the command itself: it has never run.
_NOT_FOUND = re.compile(r"\b(Parent)?Resource(Group)?NotFound\b")


_Found = compute.GetVirtualMachineRunCommandByVirtualMachineResult


@dataclass(frozen=True)
class RunCommand:
    """A script for sh, bounded in time. It runs again when any of this changes, or if it failed.

    `digest`: of what it judges. `nonce`: the settings' word, "" for none.
    """

    name: str
    script: str
    digest: str
    nonce: str
    seconds: int


def run_on(
    vm_name: str,
    ready: pulumi.Resource,
    command: RunCommand,
    *,
    name: str,
    group: ResourceGroup,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
    again: bool = False,
) -> pulumi.Resource:
    """The resource `name`: runs `command` on the VM once `ready` is; its failure is a failure.

    It is replaced, and so runs again, with `ready`: the VM, or something that stands on it. It
    only waits for `after`. `again`: it also runs again if it passed.
    """
    repeats = _repeats(vm_name, command, group, again)
    # The script has its time; what comes on top is Azure's.
    minutes = f"{command.seconds // 60 + 15}m"
    return compute.VirtualMachineRunCommandByVirtualMachine(
        name,
        resource_group_name=group.name,
        location=group.location,
        vm_name=known(vm_name, after=ready),
        run_command_name=command.name,
        source=compute.VirtualMachineRunCommandScriptSourceArgs(script=command.script),
        # No script reads them: they are why it runs again.
        parameters=[
            compute.RunCommandInputParameterArgs(name=key, value=value)
            for key, value in (_asked(command) | {"repeats": str(repeats or "")}).items()
            if value
        ],
        timeout_in_seconds=command.seconds,
        # Without these two a failing command is a deployment that went well.
        async_execution=False,
        treat_failure_as_deployment_failure=True,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=list(after),
            custom_timeouts=pulumi.CustomTimeouts(create=minutes, update=minutes),
        ),
    )


def judged_another(vm_name: str, command: RunCommand, group: ResourceGroup) -> bool:
    """Whether the command was last run with another digest on the VM that is there.

    It goes with its VM, so the new one of a replaced VM has none. Raises as `_last`.
    """
    told = _told(_last(vm_name, command.name, group))
    return bool(told) and told.get("sha256") != command.digest


def _repeats(vm_name: str, command: RunCommand, group: ResourceGroup, again: bool) -> int:
    """How often this very question was asked again so far, with the time that is due now.

    The engine would ask again what failed, but a refresh makes it forget the failure (pulumi
    #17949), and every update begins with one. Then the next update would go on as if the command
    had passed, and delete the next machine. Raises as `_last`.
    """
    found = _last(vm_name, command.name, group)
    told = _told(found)
    if any(told.get(name, "") != value for name, value in _asked(command).items()):
        return 0
    passed = found is not None and found.provisioning_state == "Succeeded"
    return int(told.get("repeats", 0)) + (again or not passed)


def _last(vm_name: str, name: str, group: ResourceGroup) -> _Found | None:
    """As Azure knows it; None if it has never run on this VM. Raises RuntimeError if Azure does
    not tell."""
    try:
        return compute.get_virtual_machine_run_command_by_virtual_machine(
            resource_group_name=group.plain_name, vm_name=vm_name, run_command_name=name
        )
    except Exception as error:
        if _NOT_FOUND.search(str(error)):
            return None
        raise RuntimeError(f"how {name} on {vm_name} ended: {error}") from error


def _told(found: _Found | None) -> dict[str, str]:
    """The parameters with which it ran."""
    return {one.name: one.value for one in (found.parameters if found else None) or []}


def _asked(command: RunCommand) -> dict[str, str]:
    return {"sha256": command.digest, "nonce": command.nonce}
