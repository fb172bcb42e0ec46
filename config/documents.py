"""The facts of the documents that this project implements, and where each one is in force.

D…: OpenAI, "Scaling Kubernetes to 2,500 nodes" (2018). E…: "Scaling Kubernetes to 7,500 nodes"
(2021). docs/settings.md lists them; a comment with the id stands beside each setting.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """files: where a setting carries it, below the repository. missing: what is not built yet."""

    id: str
    text: str
    files: tuple[str, ...] = ()
    missing: str = ""


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
    Fact("D2", "etcd's data on the VM's local SSD, never on a network disk", (_ETCD, _LOCAL_DISK)),
    Fact("D3", "events in an etcd cluster of their own", (_APISERVER, "components/etcd.py")),
    Fact("D4", "etcd's quota above its 2 GiB default: 8 GiB", (_PROD, _ETCD)),
    Fact("D5", "no autoscaler action that ends more than half of the cluster", missing="all"),
    Fact(
        "D6",
        "Prometheus on the apiservers, and their audit log",
        (_APISERVER,),
        missing="Prometheus",
    ),
    Fact("D7", "no LIST of pods or events from every node", missing="all that would be measured"),
    Fact("D8", "two or more masters, with --apiserver-count", (_PROD, _APISERVER)),
    Fact(
        "D9",
        "the scheduler packs nodes: most requested x1, pod affinity x2",
        ("config/scheduler_policy.py", _SCHEDULER),
    ),
    Fact(
        "D10",
        "never two DNS pods on one node, and a cache on each",
        ("components/addons/kube_dns.py",),
        missing="the cache",
    ),
    Fact("D11", "images are pulled side by side", (_KUBELET, _NODE_FILES)),
    Fact("D12", "overlay2, and Docker's root on the local SSD", (_NODE_FILES, _DOCKER)),
    Fact("D13", "30 minutes without progress before a pull is cancelled", (_CRI_DOCKERD,)),
    Fact("D14", "ten layers at a time", (_NODE_FILES,)),
    Fact(
        "D15",
        "the pause image, and a list of common ones, are on the machine before they are needed",
        missing="all",
    ),
    Fact(
        "D16",
        "flannel (VXLAN) for pods, the host's network for heavy ones",
        (_NODE_FILES,),
        missing="a namespace's label for it, and a job as example",
    ),
    Fact(
        "D17",
        "room for 100,000 neighbours in the ARP table",
        ("config/machines/common/etc/sysctl.d/60-kilonode.conf",),
    ),
    Fact("D18", "an autoscaler adds and removes nodes", missing="all but the sets' tags for it"),
    Fact(
        "E1",
        "apiservers and etcd on machines of their own, five members; alerts on 429 and 5xx",
        (_PROD,),
        missing="the alerts on 429 and 5xx",
    ),
    Fact(
        "E2",
        "memory for the apiserver's heap, 9.3 MB for every node",
        (_PROD, "config/checks/sizes.py"),
    ),
    Fact(
        "E3",
        "pods with addresses of the network itself",
        missing="all: a virtual network of this size has too few, so flannel stays (D16)",
    ),
    Fact("E4", "small Node objects that change rarely", (_NODE_FILES,)),
    Fact("E5", "nodes join spread over seconds", (_KUBELET,)),
    Fact("E6", "Prometheus bounded in what it is asked, and quick to restart", missing="all"),
    Fact("E7", "sick nodes are cordoned, evicted, and their machines removed", missing="all"),
    Fact("E8", "taints for teams, tolerated by admission", missing="all"),
    Fact("E9", "balloons keep capacity ready", missing="all"),
    Fact("E10", "gangs of pods start together or not at all", missing="all"),
    Fact("E11", "traffic accounted for on each node", missing="all"),
)
