"""Secrets in the running cluster: no disk of etcd shows them, and every master reads them."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.cluster.conftest import Cluster

PLAIN = "nobody-reads-this-on-a-disk"
KUBECTL = "/opt/kilonode/bin/kubectl"
# A master's own apiserver alone.
OWN = "--kubeconfig=/etc/kilonode/kubeconfigs/manifests.kubeconfig"


@pytest.fixture(scope="module", autouse=True)
def secret(cluster: Cluster) -> Iterator[None]:
    cluster.kubectl("create", "secret", "generic", "hidden", f"--from-literal=word={PLAIN}")
    yield
    cluster.kubectl("delete", "secret/hidden")


def test_etcd_holds_them_encrypted(cluster: Cluster) -> None:
    """So do its disks, and the snapshots in Blob storage."""
    for machine in cluster.machines("etcd"):
        raw = cluster.on(
            machine,
            "sh",
            "-c",
            "/opt/kilonode/bin/etcdctl-here get --print-value-only "
            "/registry/secrets/default/hidden | tr -cd '[:print:]'",
        )
        assert raw.startswith("k8s:enc:secretbox:v1:a:")
        assert PLAIN not in raw
        assert base64.b64encode(PLAIN.encode()).decode() not in raw


def test_every_master_reads_what_one_wrote(cluster: Cluster) -> None:
    for machine in cluster.machines("master"):
        word = cluster.on(
            machine, KUBECTL, OWN, "get", "secret/hidden", "--output=jsonpath={.data.word}"
        )
        assert base64.b64decode(word).decode() == PLAIN
