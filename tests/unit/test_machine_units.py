"""The documents' flags stand in the units, and what must hold holds there."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml

from components.load_balancer import PROBE_PATH
from config.user_data import FOLDERS, MACHINES

UNITS = "etc/systemd/system"


def unit(folder: str, name: str) -> str:
    return (MACHINES / folder / UNITS / name).read_text()


def values(text: str, key: str) -> list[str]:
    """All words that the unit gives the key."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [line.split("=", 1)[1] for line in lines if line.startswith(f"{key}=")]
    return [word for value in found for word in shlex.split(value)]


def command(folder: str, service: str) -> list[str]:
    return values(unit(folder, f"{service}.service"), "ExecStart")


FLAGS = {
    "D3 events have an etcd of their own": (
        ("master", "kube-apiserver"),
        "--etcd-servers-overrides=/events#${EVENTS_SERVERS}",
    ),
    "D6 audit log": (
        ("master", "kube-apiserver"),
        "--audit-log-path=/var/log/kilonode/audit.log",
    ),
    "D6 audit log's limit": (("master", "kube-apiserver"), "--audit-log-maxbackup=50"),
    "D6 old audit logs are packed": (("master", "kube-apiserver"), "--audit-log-compress=true"),
    "D6 audit policy": (
        ("master", "kube-apiserver"),
        "--audit-policy-file=/etc/kilonode/audit-policy.yaml",
    ),
    "D8 more than one master": (("master", "kube-apiserver"), "--apiserver-count=2"),
    "D9 packing": (("master", "kube-scheduler"), "--config=/etc/kilonode/scheduler.yaml"),
    "D11 parallel pulls": (("node", "kubelet"), "--serialize-image-pulls=false"),
    "D13 deadline of pulls": (("node", "cri-dockerd"), "--image-pull-progress-deadline=30m"),
    "D15 pause image": (
        ("node", "cri-dockerd"),
        "--pod-infra-container-image=${PAUSE_IMAGE}",
    ),
    "kubelets are verified": (
        ("master", "kube-apiserver"),
        "--kubelet-certificate-authority=/etc/kilonode/pki/kubernetes/ca.crt",
    ),
    "a kubelet keeps to its node": (
        ("master", "kube-apiserver"),
        "--enable-admission-plugins=NodeRestriction",
    ),
    "authorization": (("master", "kube-apiserver"), "--authorization-mode=Node,RBAC"),
    "connections are spread again after a restart": (
        ("master", "kube-apiserver"),
        "--goaway-chance=0.001",
    ),
    "exec and logs are streamed on loopback": (
        ("node", "cri-dockerd"),
        "--streaming-bind-addr=127.0.0.1",
    ),
    "kubectl exec works with cri-dockerd": (
        ("node", "kubelet"),
        "--feature-gates=ExtendWebSocketsToKubelet=false",
    ),
    "E4 nobody writes Endpoints": (
        ("master", "kube-controller-manager"),
        "--controllers=*,-endpoints-controller,-endpointslice-mirroring-controller",
    ),
    "Secrets are encrypted": (
        ("master", "kube-apiserver"),
        "--encryption-provider-config=/etc/kilonode/pki/kubernetes/encryption.yaml",
    ),
    "a new key for them needs no restart": (
        ("master", "kube-apiserver"),
        "--encryption-provider-config-automatic-reload=true",
    ),
    "node names in lower case": (("node", "kubelet"), "--hostname-override=${NODE_NAME}"),
    "nodes are found by their VM": (("node", "kubelet"), "--provider-id=${PROVIDER_ID}"),
}


@pytest.mark.parametrize(("service", "flag"), FLAGS.values(), ids=FLAGS.keys())
def test_the_flag_stands_in_the_unit(service: tuple[str, str], flag: str) -> None:
    assert flag in command(*service)


PROGRAMS = {
    "KUBE_APISERVER": ("master", "kube-apiserver"),
    "KUBE_CONTROLLER_MANAGER": ("master", "kube-controller-manager"),
    "KUBE_SCHEDULER": ("master", "kube-scheduler"),
    "KUBELET": ("node", "kubelet"),
    "KUBE_PROXY": ("node", "kube-proxy"),
    "CRI_DOCKERD": ("node", "cri-dockerd"),
    "FLANNEL": ("node", "flannel"),
}


@pytest.mark.parametrize(("prefix", "service"), PROGRAMS.items())
def test_the_settings_extra_arguments_come_last(prefix: str, service: tuple[str, str]) -> None:
    """Last, so that they win; without braces, so that systemd makes words of them."""
    assert command(*service)[-1] == f"${prefix}_EXTRA_ARGS"


@pytest.mark.parametrize("prefix", ["KUBE_APISERVER", "KUBE_CONTROLLER_MANAGER"])
def test_the_presets_figures_come_just_before(prefix: str) -> None:
    assert command(*PROGRAMS[prefix])[-2] == f"${prefix}_PRESET_ARGS"


@pytest.mark.parametrize("service", PROGRAMS.values())
def test_what_ends_is_started_again_however_often(service: tuple[str, str]) -> None:
    text = unit(service[0], f"{service[1]}.service")
    assert values(text, "Restart") == ["always"]
    assert values(text, "StartLimitIntervalSec") == ["0"]


@pytest.mark.parametrize(
    "name",
    [
        "docker.service.d/kilonode.conf",
        "local-state.service",
        "kubelet-directory.service",
        "cri-dockerd.service",
    ],
)
def test_what_lives_on_the_local_disk_does_not_start_without_it_d12(name: str) -> None:
    """Docker would otherwise fill the OS disk, and nobody would see why nodes are slow."""
    text = unit("node", name)
    assert "local-disk.service" in values(text, "Requires")
    assert "local-disk.service" in values(text, "After")
    assert values(text, "AssertPathIsMountPoint") == ["/mnt/local"]


def test_the_kubelet_starts_behind_the_metadata_firewall_and_on_the_local_disk() -> None:
    text = unit("node", "kubelet.service")
    for name in ("metadata-firewall.service", "kubelet-directory.service"):
        assert name in values(text, "Requires")
        assert name in values(text, "After")
    assert values(text, "AssertPathIsMountPoint") == ["/var/lib/kubelet"]
    assert "pause-image.service" in values(text, "After"), "D15"


def test_gigabytes_of_images_do_not_keep_a_node_from_joining_d15() -> None:
    """Only the pause image is loaded before the kubelet starts."""
    assert "kubelet.service" in values(unit("node", "preloaded-images.service"), "After")


def test_the_pod_networks_kernel_modules_are_loaded_before_they_are_needed() -> None:
    """On Azure's kernel nothing else loads br_netfilter, and without it flanneld ends at once."""
    text = unit("node", "kernel-network.service")
    assert values(text, "ExecStart")[0] == "/opt/kilonode/bin/load-modules"
    assert {"flannel.service", "metadata-firewall.service"} <= set(values(text, "Before"))


def test_bridged_and_forwarded_packets_go_through_iptables() -> None:
    """Set where the modules are loaded: at boot, systemd finds no net.bridge yet."""
    file = "etc/sysctl.d/61-kilonode-node.conf"
    assert f"/{file}" in values(unit("node", "kernel-network.service"), "ExecStart")
    settings = (MACHINES / "node" / file).read_text().splitlines()
    assert "-net.bridge.bridge-nf-call-iptables = 1" in settings
    assert "-net.ipv4.ip_forward = 1" in settings


@pytest.mark.parametrize("name", ["node-environment.service", "metadata-firewall.service"])
def test_only_the_metadata_slice_reaches_the_metadata_service(name: str) -> None:
    """The rule holds the slice's control group, so its own unit keeps that group alive."""
    assert values(unit("node", name), "Slice") == ["metadata.slice"]


def test_an_apiserver_whose_etcd_is_gone_is_ended_in_the_end() -> None:
    """Without a limit it hung for 20 minutes."""
    assert values(unit("master", "kube-apiserver.service"), "TimeoutStopSec") == ["90s"]


def test_nothing_asks_an_apiserver_whether_it_is_alive_d3() -> None:
    """/livez is 500 while the events etcd is away, and a restart then makes it worse."""
    for folder in ("node", "master"):
        for path in (MACHINES / folder).rglob("*"):
            if path.suffix in (".service", ".timer") or path.parent.name == "bin":
                assert "livez" not in path.read_text(), path


def test_gate_restart_and_probe_all_leave_the_events_etcd_out_d3() -> None:
    """With its members away the API serves. Who counted its checks would stop an update, end a
    restart as failed, or take all masters out of the load balancer."""
    asked = {
        path.name: re.findall(r"https://127\.0\.0\.1:6443(/readyz[^'\"\s]*)", path.read_text())
        for path in (MACHINES / "master/opt/kilonode/bin").iterdir()
    }
    assert {name: paths for name, paths in asked.items() if paths} == {
        "gate": [PROBE_PATH],
        "restart-apiserver": [PROBE_PATH],
    }


def test_without_a_credential_only_health_is_answered() -> None:
    text = (MACHINES / "master/etc/kilonode/authentication.yaml").read_text()
    anonymous = yaml.safe_load(text)["anonymous"]
    paths = [condition["path"] for condition in anonymous["conditions"]]
    assert paths == ["/livez", "/readyz", "/healthz"]


def test_every_unit_that_is_needed_is_one_that_the_machine_has() -> None:
    """systemd ignores a misspelt After=, and drops a start over a misspelt Requires=."""
    distribution = {
        "network-online.target",
        "network.target",
        "nss-lookup.target",
        "docker.service",
    }
    for role in FOLDERS:
        folders = [MACHINES / folder / UNITS for folder in FOLDERS[role]]
        shipped = {path.name for folder in folders for path in folder.iterdir()}
        for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
            for key in ("Requires", "Wants", "After", "Before"):
                unknown = set(values(path.read_text(), key)) - shipped - distribution
                assert {name for name in unknown if not _of_the_boot(name)} == set(), path.name


def _of_the_boot(name: str) -> bool:
    return name.startswith("cloud-") or name in ("mnt.mount", "mnt-local.mount", "shutdown.target")


def test_programs_are_executable_and_units_are_not() -> None:
    for folder in MACHINES.iterdir():
        for path in (path for path in folder.rglob("*") if path.is_file()):
            executable = bool(path.stat().st_mode & 0o100)
            assert executable == (path.parent == folder / "opt/kilonode/bin"), path


def test_every_program_that_a_unit_starts_is_there() -> None:
    """Ours by the folder, the others by the artifacts or the distribution."""
    artifacts = yaml.safe_load((MACHINES.parent / "artifacts.yaml").read_text())["artifacts"]
    installed = {path for entry in artifacts.values() for path in entry["install"].values()}
    ours = {f"/opt/kilonode/bin/{path.name}" for path in MACHINES.glob("*/opt/kilonode/bin/*")}
    for path in MACHINES.glob(f"*/{UNITS}/*.service"):
        for key in ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop"):
            for program in _programs(path.read_text(), key):
                known = program in installed | ours or not program.startswith("/opt/")
                assert known, f"{path.name}: {program}"


def _programs(text: str, key: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(f"{key}=")]
    return [line.split("=", 1)[1].split()[0] for line in lines]
