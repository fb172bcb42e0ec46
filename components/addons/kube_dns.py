"""Cluster DNS: CoreDNS under the name and label of the documents' KubeDNS (D10)."""

from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ContainerArgsDict,
    PodSpecArgsDict,
    Service,
    ServiceAccount,
    ServiceSpecArgsDict,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding, PolicyRuleArgsDict

from config.addon_nodes import SYSTEM, SYSTEM_LABEL, SYSTEM_TAINT

_NAME = "kube-dns"
_NAMESPACE = "kube-system"
_ROLE = "kilonode:kube-dns"
_LABELS = {"k8s-app": _NAME}
_METADATA: ObjectMetaArgsDict = {"name": _NAME, "namespace": _NAMESPACE, "labels": _LABELS}
# Its pods may have to wait for nodes that have just been asked for.
_MINUTES = 30
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
        account = ServiceAccount(
            f"{name}-account",
            metadata=_METADATA,
            opts=pulumi.ResourceOptions(parent=self, provider=args.provider),
        )
        child = pulumi.ResourceOptions(parent=self, provider=args.provider, depends_on=[account])
        role = ClusterRole(f"{name}-role", metadata={"name": _ROLE}, rules=_RULES, opts=child)
        binding = ClusterRoleBinding(
            f"{name}-binding",
            metadata={"name": _ROLE},
            role_ref={
                "api_group": "rbac.authorization.k8s.io",
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
                parent=self,
                provider=args.provider,
                depends_on=[role, binding, config],
                custom_timeouts=pulumi.CustomTimeouts(create=f"{_MINUTES}m", update=f"{_MINUTES}m"),
            ),
        )
        service = Service(
            f"{name}-service", metadata=_METADATA, spec=_service(args.address), opts=child
        )
        PodDisruptionBudget(
            f"{name}-budget",
            metadata=_METADATA,
            spec={"max_unavailable": 1, "selector": {"match_labels": _LABELS}},
            opts=child,
        )
        self.address = service.spec.cluster_ip
        self.register_outputs({"address": self.address})


_RULES: list[PolicyRuleArgsDict] = [
    {
        "api_groups": [""],
        "resources": ["services", "pods", "namespaces"],
        "verbs": ["list", "watch"],
    },
    {
        "api_groups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["list", "watch"],
    },
]


def _deployment(args: KubeDnsArgs) -> DeploymentSpecArgsDict:
    return {
        "replicas": args.replicas,
        # Whoever waits for it gives up at this too, whatever time it has.
        "progress_deadline_seconds": _MINUTES * 60,
        "selector": {"match_labels": _LABELS},
        # With hard anti-affinity a surplus pod would find no machine (D10).
        "strategy": {"rolling_update": {"max_unavailable": 1, "max_surge": 0}},
        "template": {"metadata": {"labels": _LABELS}, "spec": _pod(args.image)},
    }


def _pod(image: str) -> PodSpecArgsDict:
    return {
        "service_account_name": _NAME,
        "priority_class_name": "system-cluster-critical",
        # Not ClusterFirst, or it would ask itself.
        "dns_policy": "Default",
        "tolerations": [{"key": SYSTEM_TAINT, "operator": "Exists"}],
        "affinity": {
            "node_affinity": {
                "preferred_during_scheduling_ignored_during_execution": [
                    {
                        "weight": 100,
                        "preference": {
                            "match_expressions": [
                                {"key": SYSTEM_LABEL, "operator": "In", "values": [SYSTEM]}
                            ]
                        },
                    }
                ]
            },
            "pod_anti_affinity": {
                # A required term has no weight: the document's YAML is invalid there (D10).
                "required_during_scheduling_ignored_during_execution": [
                    {
                        "label_selector": {"match_labels": _LABELS},
                        "topology_key": "kubernetes.io/hostname",
                    }
                ]
            },
        },
        "containers": [_container(image)],
        "volumes": [{"name": "config", "config_map": {"name": _NAME}}],
    }


def _container(image: str) -> ContainerArgsDict:
    return {
        "name": "coredns",
        "image": image,
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "container_port": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "container_port": 53, "protocol": "TCP"},
            {"name": "metrics", "container_port": 9153, "protocol": "TCP"},
        ],
        "resources": {
            "requests": {"cpu": "100m", "memory": "70Mi"},
            # About 1 MB per 1,000 pods and services, with room for the largest cluster.
            "limits": {"memory": "512Mi"},
        },
        "liveness_probe": {
            "http_get": {"path": "/health", "port": 8080},
            "initial_delay_seconds": 60,
            "timeout_seconds": 5,
            "failure_threshold": 5,
        },
        "readiness_probe": {"http_get": {"path": "/ready", "port": 8181}},
        "security_context": {
            "allow_privilege_escalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "read_only_root_filesystem": True,
        },
        "volume_mounts": [{"name": "config", "mount_path": "/etc/coredns", "read_only": True}],
    }


def _service(address: str) -> ServiceSpecArgsDict:
    return {
        "cluster_ip": address,
        "selector": _LABELS,
        "ports": [
            {"name": "dns", "port": 53, "target_port": "dns", "protocol": "UDP"},
            {"name": "dns-tcp", "port": 53, "target_port": "dns-tcp", "protocol": "TCP"},
            {"name": "metrics", "port": 9153, "target_port": "metrics", "protocol": "TCP"},
        ],
    }
