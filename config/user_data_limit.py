"""Whether every role's user data is within Azure's limit, before anything is created."""

from __future__ import annotations

from config.environment import machine_user_data
from config.problems import Problem, problem
from config.schema import Settings
from config.topology import NodeSet, topology
from config.user_data import UserDataError


def problems(settings: Settings) -> list[Problem]:
    """One problem for each role whose user data cannot be made. `settings` are valid otherwise."""
    plan = topology(settings)
    found: dict[str, Problem] = {}
    for machine in plan.machines:
        key = f"nodePools.{machine.pool}" if isinstance(machine, NodeSet) else _KEYS[machine.role]
        try:
            machine_user_data(settings, plan, machine)
        except UserDataError as error:
            found.setdefault(key, problem(key, machine.name, str(error), "see the limit"))
    return list(found.values())


_KEYS = {"etcd": "etcd.main", "events": "etcd.events", "master": "masters"}
