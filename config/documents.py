"""The facts of the documents that this project implements, and where each one is in force.

D…: OpenAI, "Scaling Kubernetes to 2,500 nodes" (2018). E…: "Scaling Kubernetes to 7,500 nodes"
(2021). docs/settings.md lists them; a comment with the id stands beside each setting.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """files: where a setting carries it, below the repository; none while nothing does."""

    id: str
    text: str
    files: tuple[str, ...] = ()


_UNITS = "config/machines/{}/etc/systemd/system/"
_ETCD = _UNITS.format("etcd") + "etcd.service"
_APISERVER = _UNITS.format("master") + "kube-apiserver.service"
_SCHEDULER = _UNITS.format("master") + "kube-scheduler.service"
_LOCAL_DISK = _UNITS.format("common") + "local-disk.service"
_DOCKER = _UNITS.format("node") + "docker.service.d/kilonode.conf"
_CRI_DOCKERD = _UNITS.format("node") + "cri-dockerd.service"
_KUBELET = _UNITS.format("node") + "kubelet.service"
_PROD = "Pulumi.prod.yaml"
_NODE_FILES = "config/node_files.py"

FACTS = (
    Fact("D1", "Standard_D15_v2 and Standard_NC24 nodes, 2,500 of them", (_PROD,)),
    Fact(
        "D2",
        "etcd's data on the VM's local SSD, never on a network disk; the disk's speed by fio",
        (_ETCD, _LOCAL_DISK, "config/machines/etcd/opt/kilonode/lib/kilonode/etcd/fsync.py"),
    ),
    Fact("D3", "events in an etcd cluster of their own", (_APISERVER, "components/etcd.py")),
    Fact("D4", "etcd's quota above its 2 GiB default: 8 GiB", (_PROD, _ETCD)),
    Fact("D5", "no autoscaler action that ends more than half of the cluster"),
    Fact("D6", "the apiserver's audit log", (_APISERVER,)),
    Fact("D7", "no LIST of pods or events from every node"),
    Fact("D8", "two or more masters, with --apiserver-count", (_PROD, _APISERVER)),
    Fact(
        "D9",
        "the scheduler packs nodes: most requested x1, pod affinity x2",
        ("config/scheduler_policy.py", _SCHEDULER),
    ),
    Fact("D10", "never two DNS pods on one node", ("components/addons/kube_dns.py",)),
    Fact("D11", "images are pulled side by side", (_KUBELET, _NODE_FILES)),
    Fact("D12", "overlay2, and Docker's root on the local SSD", (_NODE_FILES, _DOCKER)),
    Fact("D13", "30 minutes without progress before a pull is cancelled", (_CRI_DOCKERD,)),
    Fact("D14", "ten layers at a time", (_NODE_FILES,)),
    Fact("D15", "the pause image is on the machine before it is needed"),
    Fact("D16", "flannel (VXLAN) for pods", (_NODE_FILES,)),
    Fact(
        "D17",
        "room for 100,000 neighbours in the ARP table",
        ("config/machines/common/etc/sysctl.d/60-kilonode.conf",),
    ),
    Fact("D18", "an autoscaler adds and removes nodes"),
    Fact("E1", "apiservers and etcd on machines of their own, five members", (_PROD,)),
    Fact("E2", "memory for the apiserver's heap, 9.3 MB for every node", (_PROD,)),
    Fact("E4", "small Node objects that change rarely", (_NODE_FILES,)),
    Fact("E5", "nodes join spread over seconds", (_KUBELET,)),
)
