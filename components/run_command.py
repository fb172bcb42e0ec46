"""Commands on a machine, through Azure: no network path to the machine is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import compute

from components.azure import ResourceGroup, known


@dataclass(frozen=True)
class RunCommand:
    """A script for sh, bounded in time. It runs again when any of this changes.

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
) -> pulumi.Resource:
    """The resource `name`: runs `command` on the VM once `ready` is; its failure is a failure.

    It is replaced, and so runs again, with `ready`: the VM, or something that stands on it. It
    only waits for `after`.
    """
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
            for key, value in (("sha256", command.digest), ("nonce", command.nonce))
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
