"""Cluster DNS: CoreDNS under the name and label of the documents' KubeDNS (D10)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Service, ServiceAccount
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding

_NAME = "kube-dns"
_NAMESPACE = "kube-system"
_ROLE = "kilonode:kube-dns"
_LABELS = {"k8s-app": _NAME}
_METADATA = {"name": _NAME, "namespace": _NAMESPACE, "labels": _LABELS}
_COREFILE = (Path(__file__).parent / "Corefile").read_text()


@dataclass(frozen=True)
class KubeDnsArgs:
    """`address`: the cluster IP that every kubelet names. `replicas` must not exceed the nodes."""

    provider: pulumi.ProviderResource
    image: str
    address: str
    replicas: int


class KubeDns(pulumi.ComponentResource):
    """CoreDNS, never two on one machine: Azure limits the look-ups of each."""

    address: pulumi.Output[str]

    def __init__(
        self, name: str, args: KubeDnsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:addons:KubeDns", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, provider=args.provider)
        account = ServiceAccount(f"{name}-account", metadata=_METADATA, opts=child)
        role = ClusterRole(f"{name}-role", metadata={"name": _ROLE}, rules=_RULES, opts=child)
        binding = ClusterRoleBinding(
            f"{name}-binding",
            metadata={"name": _ROLE},
            role_ref={
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": _ROLE,
            },
            subjects=[{"kind": "ServiceAccount", "name": _NAME, "namespace": _NAMESPACE}],
            opts=child,
        )
        config = ConfigMap(
            f"{name}-config", metadata=_METADATA, data={"Corefile": _COREFILE}, opts=child
        )
        Deployment(
            f"{name}-deployment",
            metadata=_METADATA,
            spec=_deployment(args),
            opts=pulumi.ResourceOptions(
                parent=self, provider=args.provider, depends_on=[account, role, binding, config]
            ),
        )
        service = Service(
            f"{name}-service", metadata=_METADATA, spec=_service(args.address), opts=child
        )
        PodDisruptionBudget(
            f"{name}-budget",
            metadata=_METADATA,
            spec={"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}},
            opts=child,
        )
        self.address = service.spec.cluster_ip
        self.register_outputs({"address": self.address})


_RULES: list[dict[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": ["services", "pods", "namespaces"],
        "verbs": ["list", "watch"],
    },
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["list", "watch"],
    },
]


def _deployment(args: KubeDnsArgs) -> dict[str, Any]:
    return {
        "replicas": args.replicas,
        "selector": {"matchLabels": _LABELS},
        # With hard anti-affinity a surplus pod would find no machine (D10).
        "strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        "template": {"metadata": {"labels": _LABELS}, "spec": _pod(args.image)},
    }


def _pod(image: str) -> dict[str, Any]:
    return {
        "serviceAccountName": _NAME,
        "priorityClassName": "system-cluster-critical",
        # Not ClusterFirst, or it would ask itself.
        "dnsPolicy": "Default",
        "affinity": {
            "podAntiAffinity": {
                # A required term has no weight: the document's YAML is invalid there (D10).
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "labelSelector": {"matchLabels": _LABELS},
                        "topologyKey": "kubernetes.io/hostname",
                    }
                ]
            }
        },
        "containers": [_container(image)],
        "volumes": [{"name": "config", "configMap": {"name": _NAME}}],
    }


def _container(image: str) -> dict[str, Any]:
    return {
        "name": "coredns",
        "image": image,
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
            {"name": "metrics", "containerPort": 9153, "protocol": "TCP"},
        ],
        "resources": {
            "requests": {"cpu": "100m", "memory": "70Mi"},
            # About 1 MB per 1,000 pods and services, with room for the largest cluster.
            "limits": {"memory": "512Mi"},
        },
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": 8080},
            "initialDelaySeconds": 60,
            "timeoutSeconds": 5,
            "failureThreshold": 5,
        },
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }


def _service(address: str) -> dict[str, Any]:
    return {
        "clusterIP": address,
        "selector": _LABELS,
        "ports": [
            {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
            {"name": "dns-tcp", "port": 53, "targetPort": "dns-tcp", "protocol": "TCP"},
            {"name": "metrics", "port": 9153, "targetPort": "metrics", "protocol": "TCP"},
        ],
    }
