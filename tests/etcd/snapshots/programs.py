"""The programs of etcd's snapshots as a machine of these tests runs them."""

from __future__ import annotations

from pathlib import Path

from kilonode.etcd.restore import Restore
from kilonode.etcd.snapshot import Workshop

from tests.etcd.machine import CLIENT_PORT, METRICS_PORT, Machine, Unit


def workshop(machine: Machine) -> Workshop:
    """What snapshots of its cluster are made with."""
    return Workshop(
        machine=machine.me.name,
        container=machine.container,
        client_port=CLIENT_PORT,
        pki=machine.places.pki,
        programs=Path(machine.places.etcd).parent,
        scratch=machine.places.data.with_name("etcd-scratch"),
    )


def restoring(machine: Machine, unit: Unit | None = None) -> Restore:
    """`unit`: of its etcd, if that is not the machine's own."""
    parameters = {**machine.parameters, "ETCD_METRICS_PORT": str(METRICS_PORT)}
    return Restore(machine.me, parameters, machine.places, workshop(machine), unit or machine.unit)
