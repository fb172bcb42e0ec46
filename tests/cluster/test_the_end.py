"""What comes after: `make down` leaves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.conftest import Cluster, eventually, fingerprint, make
from tests.cluster.interruption import PHASES, up_killed_in

pytestmark = pytest.mark.ends_cluster


def left_behind(before: dict[str, Any]) -> dict[str, Any]:
    """What is not as it was, by kind."""
    after = fingerprint()
    return {kind: after[kind] for kind in before if before[kind] != after[kind]}


def assert_as_it_was(before: dict[str, Any]) -> None:
    def as_it_was() -> bool:
        found = left_behind(before)
        assert not found, found
        return True

    # A process that was told to end takes a moment.
    eventually(as_it_was, 30, "the host is as it was")


def test_down_leaves_the_host_as_it_was(cluster: Cluster) -> None:
    shown = left_behind(cluster.before)
    for kind in ("processes", "namespaces", "mounts", "cgroups", "loop_devices"):
        assert kind in shown, "a comparison that does not see the cluster sees no rest of it either"
    make("down")
    assert_as_it_was(cluster.before)


# Of every kind, something is there by then: addresses, a daemon, and machines. The other phases are
# for `make soak`.
ENOUGH = "etcd"


@pytest.mark.parametrize(
    "phase",
    [phase if phase == ENOUGH else pytest.param(phase, marks=pytest.mark.soak) for phase in PHASES],
)
def test_down_ends_what_a_killed_up_left_behind(phase: str) -> None:
    """That `make up` brings it to its end as well, all other tests here show: they run on a cluster
    that was killed in every phase."""
    before = fingerprint()
    up_killed_in(phase)
    make("down")
    assert_as_it_was(before)
