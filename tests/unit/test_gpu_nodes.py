"""Nodes with GPUs: what is rendered for them, and the script that brings the driver."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from config.environment import machine_user_data
from config.topology import topology
from config.user_data import MACHINES, MachineFile, decode
from tests.unit.settings_samples import settings

SCRIPT = MACHINES / "gpu/opt/kilonode/bin/install-gpu-driver"
UNITS = "/etc/systemd/system/"
FINGERPRINT = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
POOL = {
    "size": "Standard_NC64as_T4_v3",
    "scaleSets": {"a": {"nodes": 0, "maxNodes": 1}},
    "labels": {"kubernetes.azure.com/accelerator": "nvidia"},
    "taints": ["nvidia.com/gpu=present:NoSchedule"],
}


def files(pool: str, **addons: Any) -> dict[str, MachineFile]:
    changed = settings({"nodePools.gpu": POOL, "addons": addons})
    plan = topology(changed)
    (node_set,) = (one for one in plan.node_sets if one.name == f"test-{pool}-a")
    return decode(machine_user_data(changed, plan, node_set).encoded)


def test_only_sizes_with_gpus_have_a_driver_and_only_if_the_settings_say_so() -> None:
    assert f"{UNITS}gpu-driver.service" in files("gpu", gpu={})
    for others in (files("cpu", gpu={}), files("gpu")):
        assert not [path for path in others if "gpu" in path]
        assert "GPU_" not in others["/etc/kilonode/machine.env"].content
        assert "nvidia" not in others["/etc/docker/daemon.json"].content


def test_the_machine_knows_how_many_gpus_have_to_answer() -> None:
    environment = files("gpu", gpu={})["/etc/kilonode/machine.env"].content
    assert 'GPU_COUNT="4"' in environment
    assert 'GPU_DRIVER="580"' in environment


def test_containers_start_by_the_toolkits_runtime() -> None:
    daemon = json.loads(files("gpu", gpu={})["/etc/docker/daemon.json"].content)
    assert daemon["default-runtime"] == "nvidia", "the CRI has no other way to ask for it"
    assert daemon["runtimes"]["nvidia"]["path"] == "nvidia-container-runtime"
    assert daemon["data-root"] == "/mnt/local/docker"


@pytest.mark.parametrize("unit", ["kubelet", "docker-install"])
def test_no_node_registers_and_no_container_starts_before_the_driver_works(unit: str) -> None:
    """A pod that is scheduled earlier fails, and its job with it."""
    found = files("gpu", gpu={})
    dropin = found[f"{UNITS}{unit}.service.d/gpu.conf"].content.splitlines()
    assert {"Requires=gpu-driver.service", "After=gpu-driver.service"} <= set(dropin)
    driver = found[f"{UNITS}gpu-driver.service"].content
    assert "Type=oneshot\nRemainAfterExit=yes" in driver, "started means that it has ended well"
    assert "[Install]" in driver, "on every boot"


class Machine:
    """Programs that note their calls. key: fingerprint of what NVIDIA's archive offers."""

    def __init__(self, folder: Path, *, key: str = FINGERPRINT) -> None:
        self._bin, self._log = folder / "bin", folder / "calls"
        self._bin.mkdir()
        self.keyring = folder / "keyring.asc"
        self._script = folder / "script"
        # The same script, with the system's files in the test's folder.
        self._script.write_text(
            SCRIPT.read_text()
            .replace("/etc/apt/keyrings/nvidia-container-toolkit.asc", str(self.keyring))
            .replace("/etc/apt/sources.list.d/", f"{folder}/")
        )
        for name in ("dpkg", "dpkg-query", "apt-get", "apt-mark", "modprobe", "sleep"):
            self.stand_in(name)
        self.stand_in("uname", "echo 6.8.0-1030-azure")
        self.stand_in("curl", f'touch "{self.keyring}.new"')
        self.stand_in("gpg", f'[[ -e ${{@: -1}} ]] && printf "pub:-\\nfpr:::::::::{key}:\\n"')
        self.answers(4)

    def stand_in(self, name: str, body: str = "") -> None:
        program = self._bin / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self._log}"\n{body}\n')
        program.chmod(0o755)

    def answers(self, *gpus: int) -> None:
        """How many GPUs nvidia-smi lists, one time after the other; the last one for ever."""
        left = self._bin.parent / "left"
        left.write_text("\n".join(map(str, gpus)) + "\n")
        self.stand_in(
            "nvidia-smi",
            f'[[ $1 == --list-gpus ]] || exit 0\nn=$(head -1 "{left}")\n'
            f'(($(wc -l <"{left}") > 1)) && sed -i 1d "{left}"\n'
            'for ((i = 0; i < n; i++)); do echo "GPU $i: Tesla T4 (UUID: GPU-$i)"; done',
        )

    def has(self, *packages: str) -> None:
        """They are installed already."""
        names = "|".join(packages)
        self.stand_in("dpkg-query", f'case "${{@: -1}}" in {names}) echo installed ;; esac')

    def run(self, seconds: float = 60) -> list[str]:
        """What was called. Raises TimeoutExpired if the script goes on and on."""
        environment = {"GPU_DRIVER": "580", "GPU_TOOLKIT": "1.20.0-1", "GPU_COUNT": "4"}
        subprocess.run(
            ["bash", str(self._script)],
            env={"PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}", **environment},
            check=True,
            capture_output=True,
            timeout=seconds,
        )
        return self._log.read_text().splitlines()


def test_the_drivers_modules_are_those_of_the_running_kernel(tmp_path: Path) -> None:
    (call,) = [one for one in Machine(tmp_path).run() if "apt-get" in one and "install " in one]
    assert "linux-modules-nvidia-580-server-6.8.0-1030-azure" in call
    assert "nvidia-headless-no-dkms-580-server" in call
    assert "nvidia-container-toolkit=1.20.0-1" in call, "a version that somebody tried"


def test_a_new_kernel_brings_the_whole_driver_anew(tmp_path: Path) -> None:
    """Its modules depend on the rest in their very version, which is held at an older one."""
    machine = Machine(tmp_path)
    held = ("nvidia-headless-no-dkms-580-server", "nvidia-utils-580-server")
    machine.has(
        *held, "nvidia-container-toolkit", "linux-modules-nvidia-580-server-6.8.0-1029-azure"
    )
    (call,) = [one for one in machine.run() if "apt-get" in one and "install " in one]
    assert "--allow-change-held-packages" in call
    assert {*held, "linux-modules-nvidia-580-server-6.8.0-1030-azure"} <= set(call.split())
    assert "toolkit" not in call, "only the driver depends on the kernel"


def test_a_driver_that_is_complete_is_left_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.has("*")
    assert not [one for one in machine.run() if "apt-get" in one]


def test_it_ends_only_when_every_gpu_answers(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.answers(0, 3, 4)
    calls = machine.run()
    assert len([one for one in calls if one == "nvidia-smi --list-gpus"]) == 3
    assert calls[-1] == "nvidia-smi --list-gpus"


def test_an_archive_signed_by_another_key_is_not_used(tmp_path: Path) -> None:
    machine = Machine(tmp_path, key="0" * 40)
    # It would try for ever: the first pause ends it.
    machine.stand_in("sleep", 'kill "$PPID"')
    with pytest.raises(subprocess.CalledProcessError):
        machine.run()
    assert not machine.keyring.exists()
    calls = (tmp_path / "calls").read_text()
    assert "install" not in calls.replace("--no-install-recommends", "")
