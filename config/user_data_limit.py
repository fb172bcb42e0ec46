"""Whether every role's user data is within Azure's limit, before anything is created."""

from __future__ import annotations

from config.environment import machine_user_data
from config.problems import Problem, problem
from config.schema.stack import Settings
from config.topology import Member, NodeSet, topology
from config.user_data import UserDataError

_REMEDY = "shorten what varies in it: extraArgs, labels and taints"
_KEYS = {"etcd": "etcd.main", "events": "etcd.events", "master": "masters"}


def problems(settings: Settings) -> list[Problem]:
    """One problem for each role whose user data cannot be made. `settings` are valid otherwise."""
    plan = topology(settings)
    # Members of a cluster differ by a byte at most, scale sets of a pool by little: one stands for
    # all of them.
    samples: dict[str, Member | NodeSet] = {}
    for machine in plan.machines:
        key = f"nodePools.{machine.pool}" if isinstance(machine, NodeSet) else _KEYS[machine.role]
        samples[key] = machine
    found = []
    for key, machine in samples.items():
        try:
            machine_user_data(settings, plan, machine)
        except UserDataError as error:
            found.append(problem(key, machine.name, str(error), _REMEDY))
    return found
