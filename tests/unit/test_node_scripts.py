"""The nodes' shell scripts, with recorded programs in the place of the system's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from config.user_data import MACHINES

SCRIPTS = MACHINES / "node/opt/kilonode/bin"
SNAPSHOT = "20260301T000000Z"
APT_OPTIONS = "--yes --no-install-recommends -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5"


class System:
    """Stand-ins for programs. Each notes its call; `fail` has the first ones of some fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "calls"
        self.stand_in("sleep")

    def stand_in(self, name: str, body: str = "") -> None:
        program = self._folder / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self._log}"\n{body}\n')
        program.chmod(0o755)

    def run(
        self, script: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        path = f"{self._folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", str(SCRIPTS / script), *arguments],
            env={"PATH": path, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )

    def failing(self, times: int, code: int = 1) -> str:
        """A stand-in's body: it fails so many times."""
        left = self._folder / "left"
        left.write_text("x" * times)
        return f"[[ ! -s {left} ]] || {{ truncate --size=-1 {left}; exit {code}; }}"

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().splitlines()


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_the_metadata_firewall_is_tried_until_it_stands(system: System) -> None:
    """Nothing starts the kubelet again once a unit that it requires has given up."""
    # Each rule is looked for and then put in; the module or the slice may come late.
    system.stand_in("iptables", system.failing(5))
    ended = system.run("metadata-firewall")
    assert ended.returncode == 0
    assert "sleep 5" in system.calls
    refused = [call for call in system.calls if "OUTPUT" in call]
    assert refused[-1].endswith("--match cgroup ! --path metadata.slice --jump REJECT")


@pytest.fixture
def packages(system: System) -> System:
    """A distribution that has none of the packages, and whose programs work."""
    for name in ("dpkg", "apt-get", "apt-mark"):
        system.stand_in(name)
    has_packages(system)
    return system


def has_packages(system: System, *names: str) -> None:
    known = "|".join(names) or "none"
    system.stand_in("dpkg-query", f'case "${{@: -1}}" in {known}) echo installed ;; esac')


def install_docker(system: System) -> list[str]:
    """The calls that change something, without apt-get's options."""
    ended = system.run("install-docker", DOCKER_PACKAGE="docker.io=28", APT_SNAPSHOT=SNAPSHOT)
    assert ended.returncode == 0, ended.stdout
    return [
        call.replace(f" {APT_OPTIONS}", "")
        for call in system.calls
        if not call.startswith(("dpkg-query", "sleep"))
    ]


def test_a_boot_that_ended_in_the_middle_of_an_installation_is_mended_first(
    packages: System,
) -> None:
    """apt-get would ask for `dpkg --configure -a` at every try, for ever."""
    done = install_docker(packages)
    assert done[0] == "dpkg --configure --pending"
    assert done[2] == "apt-get install docker.io=28 socat conntrack"


def test_docker_is_held_also_where_it_was_installed_by_a_boot_that_ended(
    packages: System,
) -> None:
    """Unattended upgrades would restart Docker on thousands of nodes."""
    has_packages(packages, "docker.io", "socat", "conntrack")
    assert install_docker(packages)[1:] == ["apt-mark hold docker.io containerd"]


def test_an_image_that_has_docker_gets_what_else_a_node_needs(packages: System) -> None:
    has_packages(packages, "docker.io", "socat")
    assert "apt-get install conntrack" in install_docker(packages)


def test_a_version_that_left_the_archive_comes_from_the_archives_snapshot(
    packages: System,
) -> None:
    """A security update of Docker would end every pool's growth."""
    packages.stand_in("apt-get", '[[ "$* " != *" install "* || "$*" == *APT::Snapshot=* ]]')
    assert install_docker(packages)[2:5] == [
        "apt-get install docker.io=28 socat conntrack",
        f"apt-get -o APT::Snapshot={SNAPSHOT} update",
        f"apt-get -o APT::Snapshot={SNAPSHOT} install docker.io=28 socat conntrack",
    ]
    assert not [call for call in packages.calls if call.startswith("sleep")]


def test_an_archive_that_does_not_answer_is_asked_again_after_a_jittered_pause(
    packages: System,
) -> None:
    # Each try asks the archive, and then its snapshot.
    packages.stand_in("apt-get", packages.failing(6, code=100))
    install_docker(packages)
    pauses = [call for call in packages.calls if call.startswith("sleep")]
    assert len(pauses) == 3
    assert all(10 <= int(call.split()[1]) < 30 for call in pauses)


MODULES = "modprobe --all br_netfilter vxlan xt_cgroup"


@pytest.fixture
def kernel(packages: System) -> System:
    """A VM whose kernel has none of the modules, nor its archive another one."""
    packages.stand_in("systemd-detect-virt", "exit 1")
    packages.stand_in("modprobe", "exit 1")
    packages.stand_in("apt-get", "exit 100")
    packages.stand_in("uname", "echo 6.8.0-1015-azure")
    return packages


def load_modules(system: System) -> list[str]:
    """What changes something, and the pauses."""
    assert system.run("load-modules").returncode == 0
    quiet = ("systemd-detect-virt", "uname", "dpkg")
    return [call for call in system.calls if not call.startswith(quiet)]


def test_the_pod_networks_kernel_modules_are_loaded(kernel: System) -> None:
    kernel.stand_in("modprobe")
    assert load_modules(kernel) == [MODULES]


def test_modules_that_the_image_lacks_come_from_ubuntus_package(kernel: System) -> None:
    """Without xt_cgroup no metadata firewall stands, and then no kubelet starts."""
    kernel.stand_in("modprobe", kernel.failing(1))
    kernel.stand_in("apt-get")
    calls = load_modules(kernel)
    assert calls[0] == calls[-1] == MODULES
    assert calls[-2] == f"apt-get {APT_OPTIONS} install linux-modules-extra-6.8.0-1015-azure"


def test_modules_are_asked_for_again_while_another_program_has_apts_lists(
    kernel: System,
) -> None:
    """install-docker runs at the same time, and `apt-get update` does not wait for another."""
    # The image's modules, and twice both calls of apt-get.
    for name in ("modprobe", "apt-get"):
        kernel.stand_in(name, kernel.failing(5))
    calls = load_modules(kernel)
    assert [call.split()[0] for call in calls].count("sleep") == 2
    assert calls[-1] == MODULES


def test_a_kernel_without_the_modules_does_not_keep_the_machine_from_booting_on(
    kernel: System,
) -> None:
    calls = load_modules(kernel)
    assert [call.split()[0] for call in calls].count("sleep") == 10


def test_a_machine_that_is_a_container_loads_nothing(kernel: System) -> None:
    kernel.stand_in("systemd-detect-virt")
    assert load_modules(kernel) == []
