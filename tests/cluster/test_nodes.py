"""What `make up` gives: nodes of the right kind, running on the documents' settings."""

from __future__ import annotations

import pytest

from tests.cluster.conftest import Cluster

MASTER_TAINT = "node-role.kubernetes.io/control-plane"


def test_every_machine_that_runs_a_kubelet_is_a_ready_node_on_docker(cluster: Cluster) -> None:
    nodes = cluster.get("nodes")["items"]
    expected = cluster.machines("master") + cluster.machines("cpu")
    assert sorted(node["metadata"]["name"] for node in nodes) == sorted(expected), (
        "a node name is the machine's host name in lower case, or Azure's …00000A never joins"
    )
    for node in nodes:
        conditions = {entry["type"]: entry["status"] for entry in node["status"]["conditions"]}
        assert conditions["Ready"] == "True"
        assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("docker://")


def test_masters_are_tainted_and_pools_are_labelled(cluster: Cluster) -> None:
    for node in cluster.get("nodes")["items"]:
        taints = {taint["key"]: taint["effect"] for taint in node["spec"].get("taints", [])}
        labels = node["metadata"]["labels"]
        if "master" in node["metadata"]["name"]:
            assert taints == {MASTER_TAINT: "NoSchedule"}, "batch work must stay off the masters"
            assert MASTER_TAINT in labels
        else:
            assert not taints
            assert labels["kilonode.io/pool"] == "cpu"


def test_nodes_carry_the_provider_id_of_their_vm(cluster: Cluster) -> None:
    for node in cluster.get("nodes")["items"]:
        kind = "virtualMachines/" if "master" in node["metadata"]["name"] else "Sets/"
        assert node["spec"]["providerID"].startswith("azure:///subscriptions/")
        assert kind in node["spec"]["providerID"], "the autoscaler finds a node's VM by it"


@pytest.mark.parametrize("role", ["etcd", "events"])
def test_etcd_data_is_on_the_local_disk_of_every_member(cluster: Cluster, role: str) -> None:
    """D2: a write took 2 ms on a network disk and 200 µs on the local SSD."""
    for machine in cluster.machines(role):
        target = cluster.on(machine, "findmnt", "-no", "TARGET", "-T", "/mnt/local/etcd/member")
        assert target.strip() == "/mnt/local"
        assert "--data-dir=/mnt/local/etcd" in command_line(cluster, machine, "etcd")


def test_bridged_and_forwarded_packets_go_through_iptables(cluster: Cluster) -> None:
    """Or services hold no longer between pods of one node, and flanneld does not even start."""
    for machine in (*cluster.machines("master"), *cluster.machines("cpu")):
        for key in ("net/bridge/bridge-nf-call-iptables", "net/ipv4/ip_forward"):
            assert cluster.on(machine, "cat", f"/proc/sys/{key}").strip() == "1", key


def test_no_unattended_upgrade_restarts_docker(cluster: Cluster) -> None:
    """On thousands of nodes, at a version that nobody tried."""
    for machine in cluster.machines("cpu"):
        assert {"docker.io", "containerd"} <= set(
            cluster.on(machine, "apt-mark", "showhold").split()
        )


def test_docker_keeps_images_on_the_local_disk_with_overlay2(cluster: Cluster) -> None:
    """D12."""
    for machine in cluster.machines("cpu"):
        shown = cluster.on(machine, "docker", "info", "-f", "{{.Driver}} {{.DockerRootDir}}")
        driver, root = shown.split()
        assert driver == "overlay2"
        target = cluster.on(machine, "findmnt", "-no", "TARGET", "-T", root)
        assert target.strip() == "/mnt/local"


DOCUMENTS_FLAGS = [
    ("etcd", "etcd", "--quota-backend-bytes=8589934592"),  # D4
    ("master", "kube-apiserver", "--etcd-servers-overrides=/events#https://"),  # D3
    ("master", "kube-apiserver", "--apiserver-count=2"),  # D8
    ("master", "kube-apiserver", "--audit-log-path="),  # D6
    ("master", "kube-apiserver", "--audit-log-maxbackup="),  # D6
    ("master", "kube-scheduler", "--config=/etc/kilonode/scheduler.yaml"),  # D9
    ("cpu", "kubelet", "--serialize-image-pulls=false"),  # D11
    ("cpu", "cri-dockerd", "--image-pull-progress-deadline=30m"),  # D13
    ("cpu", "cri-dockerd", "--pod-infra-container-image="),  # D15
]


@pytest.mark.parametrize(("role", "program", "flag"), DOCUMENTS_FLAGS)
def test_running_processes_carry_the_documents_flags(
    cluster: Cluster, role: str, program: str, flag: str
) -> None:
    for machine in cluster.machines(role):
        assert flag in command_line(cluster, machine, program)


def command_line(cluster: Cluster, machine: str, program: str) -> str:
    pid = cluster.on(machine, "pidof", "-s", program).strip()
    return cluster.on(machine, "sh", "-c", f"tr '\\0' ' ' </proc/{pid}/cmdline")


# What somebody with root on a node can do: ask for a certificate with what its bundle holds.
ASK = """
import sys, time
sys.path.insert(0, "/opt/kilonode/lib")
from kilonode.flannel_credential import certificate_request, new_key_and_request
from kilonode.kube_api import CERTIFICATE_REQUESTS, KubeApi
from kilonode.kubeconfigs import PKI
from kilonode.machine import environment
import base64, subprocess
key, _ = new_key_and_request("x")
pem = subprocess.run(
    ["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", f"/O=system:nodes/CN={sys.argv[1]}"],
    input=key, stdout=subprocess.PIPE, text=True, check=True,
).stdout
asked = certificate_request("x", pem)
asked["metadata"] = {"generateName": "stranger-"}
asked["spec"]["signerName"] = "kubernetes.io/kube-apiserver-client-kubelet"
api = KubeApi(
    environment()["API_SERVER"], PKI / "ca.crt", PKI / "bootstrap.crt", PKI / "bootstrap.key"
)
name = api.request("POST", CERTIFICATE_REQUESTS, asked)["metadata"]["name"]
for _ in range(60):
    status = api.request("GET", f"{CERTIFICATE_REQUESTS}/{name}")["status"]
    if status.get("conditions"):
        break
    time.sleep(1)
print(status["conditions"][0]["type"], "certificate" in status)
"""


def test_a_nodes_credential_does_not_become_a_master(cluster: Cluster) -> None:
    """All nodes share it, and root on any of them would be root on all masters."""
    node, master = cluster.machines("cpu")[0], cluster.machines("master")[0]
    shown = cluster.on(node, "python3", "-c", ASK, f"system:node:{master}")
    assert shown.split() == ["Denied", "False"]
