"""Configuration files of a node that cannot read an environment, as data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from config.azure_limits import PLATFORM_ADDRESS
from config.schema.stack import Settings
from config.topology import Topology

CLUSTER_DOMAIN = "cluster.local"
# Of every node alike; dns-cache-address.service gives it to the machine.
DNS_CACHE = "169.254.20.10"

_PODS_MAX = 110
_RESOLV_CONF = "/etc/kilonode/resolv.conf"

_DAEMON: Mapping[str, Any] = {
    # D12: the storage driver that allows parallel pulls, and Docker's root on the local disk.
    "storage-driver": "overlay2",
    "data-root": "/mnt/local/docker",
    # D12: from Docker 29 on, images would otherwise go into containerd's own store.
    "features": {"containerd-snapshotter": False},
    # D14
    "max-concurrent-downloads": 10,
    "log-driver": "json-file",
    "log-opts": {"max-size": "50m", "max-file": "3"},
    "live-restore": True,
    # Pods are on flannel's bridge, made by CNI. Docker's own rules would drop what is forwarded
    # to them.
    "bridge": "none",
    "iptables": False,
    "ip6tables": False,
    "ip-masq": False,
}

_KUBELET: Mapping[str, Any] = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    # Flags alone would leave the kubelet open to anonymous requests.
    "authentication": {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": "/etc/kilonode/pki/kubernetes/ca.crt"},
    },
    "authorization": {"mode": "Webhook"},
    "readOnlyPort": 0,
    "serverTLSBootstrap": True,
    "rotateCertificates": True,
    "containerRuntimeEndpoint": "unix:///run/cri-dockerd.sock",
    "clusterDomain": CLUSTER_DOMAIN,
    # Ubuntu's /etc/resolv.conf names a stub on loopback, which a pod's DNS cannot forward to.
    "resolvConf": _RESOLV_CONF,
    # D11: one large image must not hold up the others, and a node must not drown in pulls.
    "serializeImagePulls": False,
    "maxParallelImagePulls": 5,
    # E4: small Node objects that change rarely. Nothing reads the images: image locality is not
    # among the scores (D9).
    "nodeStatusMaxImages": 0,
    "nodeStatusUpdateFrequency": "10s",
    "nodeStatusReportFrequency": "5m",
    "systemReserved": {"cpu": "100m", "memory": "512Mi", "ephemeral-storage": "1Gi"},
    "kubeReserved": {"cpu": "100m", "memory": "512Mi", "ephemeral-storage": "1Gi"},
    "shutdownGracePeriod": "60s",
    "shutdownGracePeriodCriticalPods": "15s",
}


# Containers see the GPUs that NVIDIA_VISIBLE_DEVICES names, which the device plugin sets. It is the
# default runtime, since the CRI knows no `--gpus`.
_NVIDIA: Mapping[str, Any] = {
    "default-runtime": "nvidia",
    "runtimes": {"nvidia": {"path": "nvidia-container-runtime", "args": []}},
}


def node_files(settings: Settings, topology: Topology, gpus: bool = False) -> dict[str, str]:
    """The files of nodes and masters, by path on the machine; gpus: theirs are for containers."""
    network = settings.network
    kubelet = {
        **_KUBELET,
        # D10: the node's own cache first, and the cluster's DNS while that is being renewed.
        "clusterDNS": [
            *([DNS_CACHE] if settings.addons.node_local_dns else []),
            str(topology.cluster_dns_ip),
        ],
        # Twice as many addresses as pods, so that none is used again at once.
        "maxPods": min(_PODS_MAX, 2 ** (32 - network.node_pod_prefix) // 2),
    }
    daemon = {**_DAEMON, **_mirrors(settings.image_registry), **(_NVIDIA if gpus else {})}
    flannel = {
        "Network": str(network.pod_cidr),
        # D16. Azure's network routes, so flannel needs a tunnel (VXLAN's default port and MTU).
        "Backend": {"Type": "vxlan"},
    }
    return {
        "/etc/docker/daemon.json": to_json(daemon),
        "/etc/kilonode/kubelet.yaml": to_yaml(kubelet),
        "/etc/kilonode/flannel-net-conf.json": to_json(flannel),
        _RESOLV_CONF: f"nameserver {PLATFORM_ADDRESS}\n",
    }


def _mirrors(registry: str | None) -> dict[str, Any]:
    """Of docker.io, since Docker knows mirrors for no other registry, and none with a path."""
    if registry is None or "/" in registry:
        return {}
    return {"registry-mirrors": [f"https://{registry}"]}


def to_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def to_yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=True)
