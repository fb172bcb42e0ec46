"""What a machine is, as it is kept on disk."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from local_azure import paths


@dataclass(frozen=True)
class Spec:
    """One machine.

    resource: ARM id of the virtual machine, or of the scale set's instance.
    hostname: as Azure gives it; scale-set instances end in upper case.
    address, subnet: of its only network card, as "10.0.0.10" and "10.0.0.0/24".
    custom_data: base64, as it was sent. image: the base image's directory.
    power: what it should be: "running", "stopped" or "deallocated".
    data_disk: file of the managed disk at LUN 0, "" without one.
    """

    resource: str
    vm_id: str
    hostname: str
    address: str
    subnet: str
    custom_data: str
    image: str
    power: str = "running"
    data_disk: str = ""

    @property
    def name(self) -> str:
        """The name that people use, and directories, namespaces and cgroups: the node's name."""
        return self.hostname.lower()

    @property
    def directory(self) -> Path:
        return directory() / self.name

    def save(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.directory / "machine.json.draft"
        draft.write_text(json.dumps(asdict(self), indent=1))
        draft.replace(self.directory / "machine.json")

    def powered(self, power: str) -> Spec:
        """The same machine, with another wish written down."""
        spec = replace(self, power=power)
        spec.save()
        return spec


def directory() -> Path:
    return paths.state() / "machines"


def load(name: str) -> Spec | None:
    """The machine of this name, or None. Case does not matter."""
    try:
        text = (directory() / name.lower() / "machine.json").read_text()
    except FileNotFoundError:
        return None
    return Spec(**json.loads(text))


def machines() -> list[Spec]:
    """All machines, by name."""
    files = sorted(directory().glob("*/machine.json"))
    return [spec for file in files if (spec := load(file.parent.name)) is not None]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds a machine against other threads, verbs and the daemon."""
    locks = paths.RUN / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
