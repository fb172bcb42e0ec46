"""machine.env and the data files of each role."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from config.environment import UserData, machine_user_data
from config.topology import topology
from config.user_data import decode
from tests.unit.settings_samples import settings

COMMON = {
    "CLUSTER_NAME",
    "ROLE",
    "VAULT_URL",
    "BUNDLE_NAME",
    "IDENTITY_ID",
    "LOCAL_DISK_KIND",
    "ARTIFACT_MIRROR",
}
ETCD = COMMON | {
    "ETCD_ALL_LOST",
    "ETCD_MEMBER_KIND",
    "ETCD_LEARNER_ADDRESS",
    "ETCD_CLIENT_PORT",
    "ETCD_PEER_PORT",
    "ETCD_METRICS_PORT",
    "ETCD_CANDIDATES",
    "ETCD_QUOTA_BYTES",
    "ETCD_FSYNC_FLOOR_MS",
    "FIO_PACKAGE",
    "APT_SNAPSHOT",
    "ETCD_SNAPSHOT_MINUTES",
    "BLOB_CONTAINER_URL",
    "ETCD_EXTRA_ARGS",
}
NODE = COMMON | {
    "API_SERVER",
    "NODE_LABELS",
    "NODE_TAINTS",
    "POD_CIDR",
    "CLOUD_PROVIDER",
    "PAUSE_IMAGE",
    "DOCKER_PACKAGE",
    "APT_SNAPSHOT",
    "KUBELET_EXTRA_ARGS",
    "KUBE_PROXY_EXTRA_ARGS",
    "CRI_DOCKERD_EXTRA_ARGS",
    "FLANNEL_EXTRA_ARGS",
}
MASTER = NODE | {
    "API_ADDRESS",
    "SERVICE_CIDR",
    "NODE_POD_PREFIX",
    "NODE_SUBNETS",
    "ETCD_CANDIDATES",
    "EVENTS_CANDIDATES",
    "TOKEN_ISSUER_ARGS",
    "TOKEN_ISSUER_URL",
    "KUBE_APISERVER_EXTRA_ARGS",
    "KUBE_APISERVER_PRESET_ARGS",
    "KUBE_CONTROLLER_MANAGER_EXTRA_ARGS",
    "KUBE_CONTROLLER_MANAGER_PRESET_ARGS",
    "KUBE_SCHEDULER_EXTRA_ARGS",
}
NODE_FILES = {
    "/etc/kilonode/images.json",
    "/etc/kilonode/artifacts.json",
    "/etc/docker/daemon.json",
    "/etc/kilonode/kubelet.yaml",
    "/etc/kilonode/flannel-net-conf.json",
    "/etc/kilonode/resolv.conf",
}


def machines(changes: dict[str, Any] | None = None) -> dict[str, UserData]:
    """Every machine's user data by name."""
    loaded = settings(changes)
    plan = topology(loaded)
    return {one.name: machine_user_data(loaded, plan, one) for one in plan.machines}


def machine(name: str, changes: dict[str, Any] | None = None) -> UserData:
    return machines(changes)[name]


@pytest.mark.parametrize(
    ("name", "keys", "files"),
    [
        ("test-etcd-a", ETCD, {"/etc/kilonode/artifacts.json"}),
        ("test-events-a", ETCD, {"/etc/kilonode/artifacts.json"}),
        ("test-cpu-a", NODE, NODE_FILES),
        ("test-master-a", MASTER, NODE_FILES | {"/etc/kilonode/scheduler.yaml"}),
    ],
)
def test_each_role_gets_its_keys_and_files_and_no_others(
    name: str, keys: set[str], files: set[str]
) -> None:
    got = machine(name)
    assert set(got.environment) == keys
    assert set(got.files) == files
    decoded = decode(got.encoded)
    assert set(decoded) > files | {"/etc/kilonode/machine.env"}


# For people who look at a machine.
UNREAD = {"CLUSTER_NAME"}


@pytest.mark.parametrize("name", ["test-etcd-a", "test-cpu-a", "test-master-a"])
def test_every_key_and_every_data_file_is_read_by_a_file_of_the_machine(name: str) -> None:
    got = machine(name)
    files = decode(got.encoded)
    del files["/etc/kilonode/machine.env"]
    text = "\n".join(file.content for file in files.values())
    for key in got.environment.keys() - UNREAD:
        assert re.search(rf"\b{key}\b", text), f"no file of {name} reads {key}"
    # dockerd looks for its own file by itself.
    for path in got.files.keys() - {"/etc/docker/daemon.json"}:
        assert path in text, f"no file of {name} reads {path}"


def test_the_two_etcd_clusters_differ_in_ports_peers_quota_and_container() -> None:
    changes = {"etcd.main.quotaBytes": 4 * 1024**3, "etcd.events.quotaBytes": 2 * 1024**3}
    main = machine("test-etcd-a", changes).environment
    events = machine("test-events-a", changes).environment
    assert (main["ROLE"], events["ROLE"]) == ("etcd", "etcd")
    assert (main["BUNDLE_NAME"], events["BUNDLE_NAME"]) == ("etcd", "events")
    ports = ("ETCD_CLIENT_PORT", "ETCD_PEER_PORT", "ETCD_METRICS_PORT")
    assert [main[key] for key in ports] == ["2379", "2380", "2383"]
    assert [events[key] for key in ports] == ["2381", "2382", "2383"]
    assert main["ETCD_CANDIDATES"].split() == [f"10.0.0.{10 + i}" for i in range(10)]
    assert events["ETCD_CANDIDATES"].split() == [f"10.0.0.{30 + i}" for i in range(10)]
    assert (main["ETCD_QUOTA_BYTES"], events["ETCD_QUOTA_BYTES"]) == ("4294967296", "2147483648")
    assert main["BLOB_CONTAINER_URL"].endswith(".blob.core.windows.net/etcd")
    assert events["BLOB_CONTAINER_URL"].endswith(".blob.core.windows.net/events")


def test_only_the_events_begin_anew_once_all_are_lost() -> None:
    assert machine("test-etcd-a").environment["ETCD_ALL_LOST"] == "wait"
    assert machine("test-events-a").environment["ETCD_ALL_LOST"] == "reinitialise"


def test_another_first_member_replaces_no_machine() -> None:
    before, after = machines(), machines({"etcd.main.members": ["b", "a", "c"]})
    assert {name: one.encoded for name, one in after.items()} == {
        name: one.encoded for name, one in before.items()
    }


def test_another_member_replaces_no_other_etcd_machine() -> None:
    three, five = machines(), machines({"etcd.main.members": list("abcde")})
    for name, before in three.items():
        assert five[name].encoded == before.encoded, name


def test_a_durable_learner_replaces_no_other_machine_and_knows_what_it_is() -> None:
    with_learner = machines({"etcd.main.learner": {}})
    for name, before in machines().items():
        assert with_learner[name].encoded == before.encoded, name
    environment = with_learner["test-etcd-learner"].environment
    assert environment["ETCD_MEMBER_KIND"] == "learner"
    assert environment["LOCAL_DISK_KIND"] == "persistent"
    assert environment["ETCD_LEARNER_ADDRESS"] == "10.0.0.19"
    assert machine("test-etcd-a").environment["ETCD_MEMBER_KIND"] == "voter"


def test_another_master_replaces_no_other_machine() -> None:
    more = machines({"masters.members": list("abcde")})
    for name, before in machines().items():
        assert more[name].encoded == before.encoded, name


def test_another_scale_set_replaces_no_machine() -> None:
    more = machines({"nodePools.cpu.scaleSets.c": {"nodes": 0, "maxNodes": 100}})
    for name, before in machines().items():
        assert more[name].sha256 == before.sha256, name


def test_masters_reach_their_own_apiserver_and_nodes_the_load_balancer() -> None:
    assert machine("test-master-a").environment["API_SERVER"] == "https://127.0.0.1:6443"
    assert machine("test-cpu-a").environment["API_SERVER"] == "https://10.0.1.9:6443"


def test_labels_and_taints_are_what_a_kubelet_takes() -> None:
    changes = {
        "nodePools.cpu.labels": {"b": "", "a": "x"},
        "nodePools.cpu.taints": ["c=d:PreferNoSchedule", "CriticalAddonsOnly:NoExecute"],
    }
    node, master = machine("test-cpu-a", changes), machine("test-master-a")
    size = "node.kubernetes.io/instance-type=Standard_D16ds_v5"
    alike = "kubernetes.azure.com/agentpool=cpu-Standard_D16ds_v5"
    assert node.environment["NODE_LABELS"] == f"a=x,b=,kilonode.io/pool=cpu,{alike},{size}"
    assert node.environment["NODE_TAINTS"] == "c=d:PreferNoSchedule,CriticalAddonsOnly:NoExecute"
    assert master.environment["NODE_LABELS"] == (
        "kilonode.io/role=master,kubernetes.azure.com/managed=false"
    )
    assert master.environment["NODE_TAINTS"] == "node-role.kubernetes.io/control-plane=:NoSchedule"


COMPONENTS = [
    ("etcd", "test-etcd-a"),
    ("etcd", "test-events-a"),
    ("kubelet", "test-cpu-a"),
    ("kubelet", "test-master-a"),
    ("kube-proxy", "test-cpu-a"),
    ("cri-dockerd", "test-cpu-a"),
    ("flannel", "test-cpu-a"),
    ("kube-apiserver", "test-master-a"),
    ("kube-controller-manager", "test-master-a"),
    ("kube-scheduler", "test-master-a"),
]


@pytest.mark.parametrize(("component", "name"), COMPONENTS)
def test_extra_arguments_reach_the_component(component: str, name: str) -> None:
    flags = ["--first=1", "--second"]
    key = f"{component.upper().replace('-', '_')}_EXTRA_ARGS"
    assert machine(name).environment[key] == ""
    changes = {f"extraArgs.{component}": flags}
    assert machine(name, changes).environment[key] == "--first=1 --second"


def test_masters_know_what_the_control_plane_needs() -> None:
    environment = machine("test-master-b").environment
    assert environment["SERVICE_CIDR"] == "10.96.0.0/16"
    assert environment["NODE_POD_PREFIX"] == "24"
    assert environment["NODE_SUBNETS"] == "10.0.2.0/23 10.0.1.0/24"
    # Only voters serve an apiserver; a durable learner has the address after theirs.
    assert environment["ETCD_CANDIDATES"].split()[-1] == "10.0.0.18"
    assert environment["EVENTS_CANDIDATES"].split()[0] == "10.0.0.30"


def test_the_local_disks_kind_follows_from_the_size() -> None:
    assert machine("test-etcd-a").environment["LOCAL_DISK_KIND"] == "nvme"
    assert machine("test-cpu-a").environment["LOCAL_DISK_KIND"] == "scsi"


def test_artifacts_are_the_roles_with_checksums_that_settings_may_replace() -> None:
    changes = {"artifacts": {"mirror": "https://m.example.com", "checksums": {"etcd": "f" * 64}}}
    got = machine("test-etcd-a", changes)
    assert got.environment["ARTIFACT_MIRROR"] == "https://m.example.com"
    (etcd,) = json.loads(got.files["/etc/kilonode/artifacts.json"])
    assert etcd["name"] == "etcd"
    assert etcd["sha256"] == "f" * 64
    assert etcd["url"].startswith("https://")
    assert "/opt/kilonode/bin/etcd" in etcd["install"].values()


def test_a_bare_binary_is_the_member_without_a_name() -> None:
    manifest = json.loads(machine("test-cpu-a").files["/etc/kilonode/artifacts.json"])
    (kubelet,) = [one for one in manifest if one["name"] == "kubelet"]
    assert kubelet["install"] == {"": "/opt/kilonode/bin/kubelet"}


def kubelet(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    text = machine("test-cpu-a", changes).files["/etc/kilonode/kubelet.yaml"]
    configuration = yaml.safe_load(text)
    assert isinstance(configuration, dict)
    return configuration


def test_the_kubelet_is_open_to_nobody_without_a_name() -> None:
    got = kubelet()
    assert got["authentication"]["anonymous"] == {"enabled": False}
    assert got["authentication"]["webhook"] == {"enabled": True}
    assert got["authentication"]["x509"]["clientCAFile"] == "/etc/kilonode/pki/kubernetes/ca.crt"
    assert got["authorization"] == {"mode": "Webhook"}
    assert got["readOnlyPort"] == 0
    assert got["serverTLSBootstrap"] is True
    assert got["rotateCertificates"] is True


def test_images_are_pulled_side_by_side_up_to_a_cap_d11() -> None:
    assert kubelet()["serializeImagePulls"] is False
    assert kubelet()["maxParallelImagePulls"] > 1


def test_node_objects_stay_small_and_change_rarely_e4() -> None:
    assert kubelet()["nodeStatusMaxImages"] == 0
    assert kubelet()["nodeStatusReportFrequency"] == "5m"


@pytest.mark.parametrize(("prefix", "pods"), [(23, 110), (24, 110), (25, 64), (26, 32)])
def test_a_node_runs_at_most_half_as_many_pods_as_it_has_addresses(prefix: int, pods: int) -> None:
    assert kubelet({"network.nodePodPrefix": prefix})["maxPods"] == pods


def test_pods_ask_the_cluster_dns_and_it_asks_azures_resolver() -> None:
    assert kubelet()["clusterDNS"] == ["10.96.0.10"]
    cached = kubelet({"addons": {"nodeLocalDns": {}}})
    assert cached["clusterDNS"] == ["169.254.20.10", "10.96.0.10"], "the node's own cache first"
    resolv_conf = machine("test-cpu-a").files[kubelet()["resolvConf"]]
    assert resolv_conf == "nameserver 168.63.129.16\n"


def test_docker_keeps_overlay2_and_its_root_on_the_local_disk_d12_d14() -> None:
    daemon = json.loads(machine("test-cpu-a").files["/etc/docker/daemon.json"])
    assert daemon["storage-driver"] == "overlay2"
    assert daemon["data-root"] == "/mnt/local/docker"
    assert daemon["features"] == {"containerd-snapshotter": False}
    assert daemon["max-concurrent-downloads"] == 10
    assert set(daemon["log-opts"]) == {"max-size", "max-file"}
    assert daemon["live-restore"] is True
    assert "exec-opts" not in daemon, "the kubelet learns the cgroup driver from the runtime"


def test_flannel_tunnels_the_pod_range_d16() -> None:
    conf = json.loads(machine("test-cpu-a").files["/etc/kilonode/flannel-net-conf.json"])
    assert conf == {"Network": "10.64.0.0/14", "Backend": {"Type": "vxlan"}}


def test_user_data_holds_no_key_material() -> None:
    for name, one in machines().items():
        for path, file in decode(one.encoded).items():
            assert "PRIVATE KEY-----" not in file.content, f"{name} {path}"
