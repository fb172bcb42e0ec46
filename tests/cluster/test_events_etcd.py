"""D3: events live in an etcd cluster of their own, proven by what each cluster holds."""

from __future__ import annotations

from tests.cluster.conftest import Cluster, eventually
from tests.cluster.objects import event

PKI = "/etc/kilonode/pki/etcd"


def keys(cluster: Cluster, machine: str, port: int) -> set[str]:
    shown = cluster.on(
        machine,
        "/opt/kilonode/bin/etcdctl",
        f"--endpoints=https://127.0.0.1:{port}",
        f"--cacert={PKI}/ca.crt",
        f"--cert={PKI}/member.crt",
        f"--key={PKI}/member.key",
        "get",
        "/",
        "--prefix",
        "--keys-only",
    )
    return {line for line in shown.splitlines() if line}


def test_each_etcd_cluster_holds_only_its_own_keys(cluster: Cluster) -> None:
    event(cluster, "split.1")
    events_member, main_member = cluster.machines("events")[0], cluster.machines("etcd")[0]
    eventually(
        lambda: "/registry/events/default/split.1" in keys(cluster, events_member, 2381),
        30,
        "a written event reaches the events etcd",
    )
    others = {
        key
        for key in keys(cluster, events_member, 2381)
        if not key.startswith("/registry/events/") and key != "compact_rev_key"
    }
    assert not others, "the events etcd may lose everything, so nothing else may be in it"
    main = keys(cluster, main_member, 2379)
    assert any(key.startswith("/registry/minions/") for key in main)
    assert not [key for key in main if key.startswith("/registry/events/")]
