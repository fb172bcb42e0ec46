"""What comes after: a second run changes nothing, and `make down` leaves nothing."""

from __future__ import annotations

import pytest

from tests.cluster.conftest import STATE, Cluster, fingerprint, local_azure, make
from tests.cluster.interruption import PHASES, up_killed_in

pytestmark = pytest.mark.ends_cluster


def writes() -> list[str]:
    return (STATE / "azure" / "writes.log").read_text().splitlines()


def differences(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
    """What is not as it was, by kind: in the order before, after."""
    return {kind: (before[kind], after[kind]) for kind in before if before[kind] != after[kind]}


def test_a_second_up_changes_nothing(cluster: Cluster) -> None:
    before, inits = writes(), local_azure("machines", "list", "--json")
    shown = make("up").stdout
    assert "unchanged" in shown
    assert not [word for word in ("to create", "created", "updated", "replaced") if word in shown]
    assert writes() == before, "an update that changes nothing writes nothing to Azure"
    assert local_azure("machines", "list", "--json") == inits, "no machine was restarted"


def test_down_leaves_the_host_as_it_was(cluster: Cluster) -> None:
    make("down")
    assert not differences(cluster.before, fingerprint())


# The later phases take minutes to reach: they are for `make soak`.
QUICK = ("network", "etcd")


@pytest.mark.parametrize(
    "phase",
    [phase if phase in QUICK else pytest.param(phase, marks=pytest.mark.soak) for phase in PHASES],
)
def test_down_ends_what_a_killed_up_left_behind(phase: str) -> None:
    """That `make up` brings it to its end as well, all other tests here show: they run on a cluster
    that was killed in every phase."""
    before = fingerprint()
    up_killed_in(phase)
    make("down")
    assert not differences(before, fingerprint())
