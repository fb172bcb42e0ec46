"""What comes after: a second run changes nothing, and `make down` leaves nothing."""

from __future__ import annotations

import pytest

from tests.cluster.conftest import STATE, Cluster, fingerprint, local_azure, make


def writes() -> list[str]:
    return (STATE / "azure" / "writes.log").read_text().splitlines()


@pytest.mark.ends_cluster
def test_a_second_up_changes_nothing(cluster: Cluster) -> None:
    before, inits = writes(), local_azure("machines", "list", "--json")
    shown = make("up").stdout
    assert "unchanged" in shown
    assert not [word for word in ("to create", "created", "updated", "replaced") if word in shown]
    assert writes() == before, "an update that changes nothing writes nothing to Azure"
    assert local_azure("machines", "list", "--json") == inits, "no machine was restarted"


@pytest.mark.ends_cluster
def test_down_leaves_the_host_as_it_was(cluster: Cluster) -> None:
    make("down")
    after = fingerprint()
    assert after == cluster.before, "processes, namespaces, mounts, loop devices, cgroups, …"
