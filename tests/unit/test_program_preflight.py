"""A preflight asks again whenever a member of its etcd cluster would be deleted."""

from dataclasses import fields, replace
from typing import Any

import pytest

from components.compute import Platform
from components.machine import fingerprint
from config.azure_limits import Size
from config.environment import machine_user_data
from config.topology import topology
from tests.unit.settings_samples import settings


def asked(changes: dict[str, Any]) -> dict[str, str]:
    """By member, the fingerprint under which a cluster with `changes` is asked about it."""
    loaded = settings(changes)
    plan = topology(loaded)
    platform = Platform(loaded.image.version, loaded.ssh_public_key)
    return {
        one.key: fingerprint(platform, one, machine_user_data(loaded, plan, one))
        for one in plan.etcd.voters
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("etcd.size", "Standard_L8s_v3"),
        ("etcd.main.quotaBytes", 4 * 1024**3),
        ("extraArgs.etcd", ["--log-level=debug"]),
        ("image", {"version": "24.04.202610010"}),
        ("zones", ["3"]),
    ],
)
def test_what_deletes_a_member_is_asked_about(key: str, value: Any) -> None:
    before, now = asked({}), asked({key: value})
    assert [each for each in before if before[each] != now[each]]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("masters.members", ["a", "b"]),
        ("nodePools.cpu.scaleSets.a.maxNodes", 201),
        ("extraArgs.kubelet", ["--v=2"]),
        ("etcd.events.members", ["a"]),
        ("etcd.main.members", ["a", "c", "e"]),
        ("etcd.main.members", ["a", "b", "c", "d", "e"]),
    ],
)
def test_what_leaves_the_members_alone_is_not(key: str, value: Any) -> None:
    before, now = asked({}), asked({key: value})
    assert all(now[each] == before[each] for each in now.keys() & before.keys())


@pytest.mark.parametrize("known", [field.name for field in fields(Size)])
def test_what_is_known_of_a_size_decides_how_its_machines_are_made(known: str) -> None:
    """Corrected, it may replace each of them, though the settings are as they were."""
    loaded = settings({})
    plan = topology(loaded)
    member = plan.etcd.voters[0]
    changed: dict[str, Any] = {known: "another"}
    corrected = replace(member.size, **changed)
    user_data = machine_user_data(loaded, plan, member)
    platform = Platform(loaded.image.version, loaded.ssh_public_key)
    assert fingerprint(platform, member, user_data) != fingerprint(
        platform, replace(member, size=corrected), user_data
    )
