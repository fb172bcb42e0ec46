"""Whoever runs the same program twice gets what is there."""

from __future__ import annotations

from tests.cluster.conftest import Cluster, azure_writes, local_azure, make


def test_a_second_up_changes_nothing(cluster: Cluster) -> None:
    before, inits = azure_writes(), local_azure("machines", "list", "--json")
    shown = make("up").stdout
    assert "unchanged" in shown
    assert not [word for word in ("to create", "created", "updated", "replaced") if word in shown]
    assert azure_writes() == before, "an update that changes nothing writes nothing to Azure"
    assert local_azure("machines", "list", "--json") == inits, "no machine was restarted"
