"""What the ARM layer asks of the machines behind it, after a request has passed every rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from local_azure.arm.store import Resource


@dataclass(frozen=True)
class RunResult:
    """How a run command's script ended on the machine."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""


class Backend(Protocol):
    """Makes the stored resources real. The store already holds the new resource at `create` and
    `update`, and still holds it at `delete`. Any exception leaves the resource there in the state
    Failed, as on Azure: the engine keeps it and the next `up` calls `update`, so `update` must
    also finish what a `create` left undone, and `delete` must bear what is missing.
    Calls come from several threads, for different resources at the same time."""

    def create(self, resource: Resource) -> None: ...

    def update(self, old: Resource, new: Resource) -> None: ...

    def delete(self, resource: Resource) -> None: ...

    def run_command(self, resource: Resource) -> RunResult:
        """Runs a compute:VirtualMachineRunCommandByVirtualMachine; blocks until it has ended."""
        ...


class PlanBackend:
    """Plan mode: rules only, nothing runs."""

    def create(self, resource: Resource) -> None:
        pass

    def update(self, old: Resource, new: Resource) -> None:
        pass

    def delete(self, resource: Resource) -> None:
        pass

    def run_command(self, resource: Resource) -> RunResult:
        return RunResult(0)
