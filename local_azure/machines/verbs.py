"""What people and tests do with machines: the verbs of `python -m local_azure machines`."""

from __future__ import annotations

import argparse
import base64
import json
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from local_azure import fabric, image
from local_azure.machines import cgroup, guest, machine
from local_azure.machines.machine import MachineError
from local_azure.machines.spec import Spec, load, machines


def add(parser: argparse.ArgumentParser) -> None:
    """Add the verbs to a parser; the parsed `run` does the work."""
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="all machines, and whether they run")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)
    for name, (verb, text) in _VERBS.items():
        one = verbs.add_parser(name, help=text)
        one.add_argument("name")
        one.set_defaults(run=_on_machine(verb))
    execute = verbs.add_parser("exec", help="run a command in it: exec NAME -- COMMAND…")
    execute.add_argument("name")
    execute.add_argument("words", nargs="+", metavar="COMMAND")
    execute.set_defaults(run=_exec)
    boot = verbs.add_parser("boot-test", help="boot one machine from a user-data file alone")
    boot.add_argument("name")
    boot.add_argument("--user-data", type=Path, required=True, help="cloud-init's file, as it is")
    boot.add_argument("--address", default="10.0.0.10")
    boot.add_argument("--subnet", default="10.0.0.0/24")
    boot.set_defaults(run=_boot_test)


def _list(arguments: argparse.Namespace) -> None:
    rows = [
        {
            "name": spec.name,
            "hostname": spec.hostname,
            "address": spec.address,
            "power": spec.power,
            "init": cgroup.init(machine.group(spec)),
            "resource": spec.resource,
        }
        for spec in machines()
    ]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        state = "running" if row["init"] else f"not running ({row['power']})"
        print(f"{row['name']:<24} {row['address']:<16} {state}")


def _start(spec: Spec) -> None:
    machine.start(spec.powered("running"))


def _stop(spec: Spec) -> None:
    machine.stop(spec.powered("stopped"))


def _deallocate(spec: Spec) -> None:
    machine.deallocate(spec.powered("deallocated"))


def _redeploy(spec: Spec) -> None:
    """Azure moves the machine to another host: it restarts there with a blank local disk."""
    machine.deallocate(spec.powered("running"))
    machine.start(spec)


def _reimage(spec: Spec) -> None:
    machine.reimage(spec.powered("running"))


def _shell(spec: Spec) -> None:
    term = f"--setenv=TERM={os.environ.get('TERM', 'linux')}"
    _become(guest.command(spec, "/bin/bash", "--login", options=("--pty", term)))


def _exec(arguments: argparse.Namespace) -> None:
    _become(guest.command(_find(arguments.name), *arguments.words))


def _boot_test(arguments: argparse.Namespace) -> None:
    image.ensure(print)
    fabric.up()
    spec = Spec(
        resource="",
        vm_id=str(uuid.uuid4()),
        hostname=arguments.name,
        address=arguments.address,
        subnet=arguments.subnet,
        custom_data=base64.b64encode(arguments.user_data.read_bytes()).decode(),
        image=str(image.path()),
    )
    if load(spec.name) is not None:
        raise MachineError(f"{spec.name} exists: delete it first")
    spec.save()
    machine.start(spec)


_VERBS: dict[str, tuple[Callable[[Spec], None], str]] = {
    "shell": (_shell, "a root shell in it"),
    "start": (_start, "boot it"),
    "stop": (_stop, "power it off; it keeps both disks"),
    "deallocate": (_deallocate, "give its host back: the local disk is blank afterwards"),
    "redeploy": (_redeploy, "move it to another host: a restart with a blank local disk"),
    "reimage": (_reimage, "a new disk for the system; the local disk stays"),
    "delete": (machine.delete, "end it and its disks, behind the resource manager's back"),
}


def _on_machine(verb: Callable[[Spec], None]) -> Callable[[argparse.Namespace], None]:
    return lambda arguments: verb(_find(arguments.name))


def _find(name: str) -> Spec:
    spec = load(name)
    if spec is None:
        known = ", ".join(spec.name for spec in machines()) or "none"
        raise MachineError(f"no machine {name!r}; there are: {known}")
    return spec


def _become(command: Sequence[str]) -> None:
    os.execvp(command[0], [*command])
