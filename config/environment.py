"""What varies between machines: the keys of machine.env and the data files of each role."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config import control_plane, images, node_files, scheduler_policy
from config.artifacts import catalog
from config.schema.stack import ExtraArgs, Settings
from config.topology import (
    API_PORT,
    ETCD_METRICS_PORT,
    ETCD_PORTS,
    Member,
    NodeSet,
    Role,
    Topology,
)
from config.user_data import encode, render
from config.workload_identities import workloads

MASTER_TAINT = "node-role.kubernetes.io/control-plane=:NoSchedule"
# A role label of our own: NodeRestriction keeps a kubelet from those of Kubernetes itself.
# The cloud controller manager is to leave masters alone: they are no part of a scale set, and it
# has no rights over their resource group.
MASTER_LABELS = {"kilonode.io/role": "master", "kubernetes.azure.com/managed": "false"}

INSTANCE_TYPE_LABEL = "node.kubernetes.io/instance-type"

ARTIFACTS_FILE = "/etc/kilonode/artifacts.json"
IMAGES_FILE = "/etc/kilonode/images.json"
SCHEDULER_FILE = "/etc/kilonode/scheduler.yaml"


@dataclass(frozen=True)
class UserData:
    """A machine's user data.

    files: data files by path, besides the role's folder and machine.env.
    encoded: customData. sha256: of the text before compression, in hexadecimal.
    """

    role: Role
    environment: Mapping[str, str]
    files: Mapping[str, str]
    encoded: str
    sha256: str


def machine_user_data(
    settings: Settings, topology: Topology, machine: Member | NodeSet
) -> UserData:
    """The user data of a member, or of every node of a set. Raises UserDataError."""
    role = machine.role
    environment = _common(settings, topology, machine)
    files = {ARTIFACTS_FILE: _artifacts(settings, role)}
    if isinstance(machine, NodeSet):
        # cloud-node-manager would say so too, but after others have read it.
        labels = {**machine.labels, INSTANCE_TYPE_LABEL: machine.size.name}
        environment |= _node(settings, labels, machine.taints)
        environment["API_SERVER"] = f"https://{topology.api_address}:{API_PORT}"
        gpus = has_gpus(settings, machine)
        environment |= _gpus(machine) if gpus else {}
        files |= node_files.node_files(settings, topology, gpus=gpus)
        files[IMAGES_FILE] = node_files.to_json(images.manifest(settings, machine.pool))
    elif role == "master":
        environment |= _node(settings, MASTER_LABELS, (MASTER_TAINT,))
        environment |= _master(settings, topology)
        files |= node_files.node_files(settings, topology)
        files[IMAGES_FILE] = node_files.to_json(images.manifest(settings, pool=None))
        files[SCHEDULER_FILE] = node_files.to_yaml(
            scheduler_policy.scheduler_configuration(
                scheduler_policy.chosen(settings),
                control_plane.scheduler_connection(settings.control_plane.preset),
            )
        )
    else:
        environment |= _etcd(settings, topology, machine)
    text = render("gpu" if has_gpus(settings, machine) else role, environment, files)
    return UserData(
        role=role,
        environment=environment,
        files=files,
        encoded=encode(text, role),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def has_gpus(settings: Settings, machine: Member | NodeSet) -> bool:
    """Whether the machine's GPUs are for pods."""
    wanted = settings.addons.gpu is not None
    return wanted and isinstance(machine, NodeSet) and machine.size.gpus > 0


def _common(settings: Settings, topology: Topology, machine: Member | NodeSet) -> dict[str, str]:
    return {
        "CLUSTER_NAME": topology.cluster,
        "ROLE": _folder(machine.role),
        "VAULT_URL": topology.vault_url,
        "BUNDLE_NAME": machine.role,
        "IDENTITY_ID": (
            f"/subscriptions/{settings.subscription_id}/resourceGroups/{topology.control_group}"
            "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
            f"{topology.identity(machine.role)}"
        ),
        "LOCAL_DISK_KIND": _disk_kind(machine),
        "ARTIFACT_MIRROR": settings.artifacts.mirror or "",
    }


def _disk_kind(machine: Member | NodeSet) -> str:
    """What /mnt/local is: the size's local disk, or a disk of the machine's own."""
    if isinstance(machine, Member) and machine.disk:
        return "persistent"
    return str(machine.size.disk_kind)


def _etcd(settings: Settings, topology: Topology, member: Member) -> dict[str, str]:
    main = member.role == "etcd"
    cluster = settings.etcd.main if main else settings.etcd.events
    members = topology.etcd if main else topology.events
    client_port, peer_port = ETCD_PORTS[member.role]
    return {
        "ETCD_MEMBER_KIND": "learner" if member.disk else "voter",
        "ETCD_LEARNER_ADDRESS": str(members.learner_address),
        # Events are not worth an operator's sleep: once all are lost, the cluster begins anew.
        "ETCD_ALL_LOST": "wait" if main else "reinitialise",
        "ETCD_CLIENT_PORT": str(client_port),
        "ETCD_PEER_PORT": str(peer_port),
        "ETCD_METRICS_PORT": str(ETCD_METRICS_PORT),
        # All that a member can ever have: growing replaces nobody.
        "ETCD_CANDIDATES": _words((*members.voter_candidates, members.learner_address)),
        "ETCD_QUOTA_BYTES": str(cluster.quota_bytes),
        "ETCD_FSYNC_FLOOR_MS": str(settings.etcd.fsync_floor_ms),
        "FIO_PACKAGE": catalog().packages["fio"],
        "APT_SNAPSHOT": catalog().ubuntu_snapshot,
        "ETCD_SNAPSHOT_MINUTES": str(settings.etcd.snapshot_minutes),
        "BLOB_CONTAINER_URL": f"{topology.blob_url}/{member.role}",
        **_extra_args(settings, "etcd"),
    }


def _node(settings: Settings, labels: Mapping[str, str], taints: Iterable[str]) -> dict[str, str]:
    return {
        "NODE_LABELS": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        "NODE_TAINTS": ",".join(taints),
        "POD_CIDR": str(settings.network.pod_cidr),
        "CLOUD_PROVIDER": "external" if settings.addons.cloud_controller_manager else "",
        "PAUSE_IMAGE": images.images(settings)["pause"],
        "DOCKER_PACKAGE": catalog().packages["docker"],
        "APT_SNAPSHOT": catalog().ubuntu_snapshot,
        **_extra_args(settings, "kubelet", "kube_proxy", "cri_dockerd", "flannel"),
    }


def _gpus(node_set: NodeSet) -> dict[str, str]:
    packages = catalog().packages
    return {
        "GPU_COUNT": str(node_set.size.gpus),
        "GPU_DRIVER": packages["nvidia-driver"],
        "GPU_TOOLKIT": packages["nvidia-container-toolkit"],
    }


def _master(settings: Settings, topology: Topology) -> dict[str, str]:
    network = settings.network
    return {
        # Azure's internal load balancer does not lead a backend back to itself.
        "API_SERVER": f"https://127.0.0.1:{API_PORT}",
        "API_ADDRESS": str(topology.api_address),
        "SERVICE_CIDR": str(network.service_cidr),
        "NODE_POD_PREFIX": str(network.node_pod_prefix),
        "NODE_SUBNETS": _words((network.subnets.nodes, network.subnets.masters)),
        "ETCD_CANDIDATES": _words(topology.etcd.voter_candidates),
        "EVENTS_CANDIDATES": _words(topology.events.voter_candidates),
        **_preset_args(settings, "kube-apiserver", "kube-controller-manager"),
        **_token_issuer(settings, topology),
        **_extra_args(settings, "kube_apiserver", "kube_controller_manager", "kube_scheduler"),
    }


def _preset_args(settings: Settings, *programs: str) -> dict[str, str]:
    preset = settings.control_plane.preset
    return {
        f"{name.upper().replace('-', '_')}_PRESET_ARGS": _words(control_plane.flags(preset, name))
        for name in programs
    }


def _token_issuer(settings: Settings, topology: Topology) -> dict[str, str]:
    """Where Azure finds the keys of the cluster's tokens, if any add-on shows it one."""
    url = topology.issuer_url if workloads(settings) else ""
    flags = (f"--service-account-issuer={url}", f"--service-account-jwks-uri={url}/openid/v1/jwks")
    return {"TOKEN_ISSUER_URL": url, "TOKEN_ISSUER_ARGS": _words(flags) if url else ""}


def _extra_args(settings: Settings, *components: str) -> dict[str, str]:
    flags: ExtraArgs = settings.extra_args
    return {f"{name.upper()}_EXTRA_ARGS": " ".join(getattr(flags, name)) for name in components}


def _artifacts(settings: Settings, role: Role) -> str:
    folder = _folder(role)
    return node_files.to_json(
        [
            {
                "name": artifact.name,
                "url": artifact.url,
                "sha256": settings.artifacts.checksums.get(artifact.name, artifact.sha256),
                "install": dict(artifact.install),
            }
            for artifact in catalog().artifacts.values()
            if folder in artifact.roles
        ]
    )


def _folder(role: Role) -> str:
    """Both etcd clusters are made of the same machines."""
    return "etcd" if role == "events" else role


def _words(values: Iterable[object]) -> str:
    return " ".join(map(str, values))
