"""Apiservers that run for months while etcd's members come and go."""

from __future__ import annotations

from tests.cluster.conftest import Cluster, eventually

SERVERS = "/run/kilonode/etcd-servers.env"


def test_a_running_apiserver_learns_of_members_that_came_after_it(cluster: Cluster) -> None:
    """It keeps those that it started with: once all of them are gone, it would have no etcd."""
    master = cluster.machines("master")[0]
    servers = cluster.on(master, "cat", SERVERS)
    first = process(cluster, master)
    # As if the first of the main cluster's members had joined since.
    cluster.on(master, "sed", "--in-place", 's#https://[^,"]*,##', SERVERS)
    assert cluster.on(master, "cat", SERVERS) != servers
    cluster.on(master, "systemctl", "start", "etcd-follow.service")
    assert cluster.on(master, "cat", SERVERS) == servers
    second = process(cluster, master)
    assert second != first
    # Its load balancers' probes see it again.
    eventually(lambda: cluster.get("nodes"), 60, "the API answers")

    cluster.on(master, "systemctl", "start", "etcd-follow.service")
    assert process(cluster, master) == second, "nothing is new: nothing is restarted"


def process(cluster: Cluster, master: str) -> str:
    return cluster.on(master, "pidof", "kube-apiserver").strip()
