"""The local cluster, booted once for all tests of this folder by the commands a user types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from local_azure import paths
from local_azure.machines import guest
from local_azure.machines.spec import load, machines

TOP = Path(__file__).resolve().parents[2]
STATE = paths.state()
MANIFESTS = Path(__file__).parent / "manifests"


def why_not_here() -> str | None:
    """The reason why this machine cannot boot machines, or None."""
    if sys.platform != "linux":
        return "machines need Linux"
    if os.geteuid() != 0:
        return "machines need root"
    return None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--keep-cluster", action="store_true", help="leave the cluster running")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Tests that end the cluster or boot it again come after those that use it.
    items.sort(key=lambda item: item.get_closest_marker("ends_cluster") is not None)
    reason = why_not_here()
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.exit(f"cluster tests cannot run: {reason}; in CI that is a failure", returncode=1)
    for item in items:
        if "/tests/cluster/" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))


def make(
    target: str, *variables: str, check: bool = True, top: Path = TOP
) -> subprocess.CompletedProcess[str]:
    """`make TARGET` as a user types it; its standard output is captured, its progress is shown."""
    return subprocess.run(
        ["make", "--no-print-directory", target, *variables],
        cwd=top,
        stdout=subprocess.PIPE,
        text=True,
        check=check,
    )


def local_azure(*arguments: str, check: bool = True) -> str:
    """The standard output of `commands/run local_azure ARGUMENTS`."""
    return subprocess.run(
        [str(TOP / "commands" / "run"), "local_azure", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=check,
    ).stdout


def azure_writes() -> list[str]:
    """What the local Azure was told to change so far: time, verb, type and id a line."""
    return (STATE / "azure" / "writes.log").read_text().splitlines()


def fingerprint() -> dict[str, Any]:
    """What `make up` may change on this host, and `make down` must bring back."""
    result: dict[str, Any] = json.loads(local_azure("fingerprint"))
    return result


def eventually(check: Callable[[], object], seconds: float, why: str) -> None:
    """Wait until `check` holds. The limit is a last resort, not a measure of speed."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
            problem = "it does not hold"
        except (subprocess.CalledProcessError, AssertionError, KeyError) as error:
            problem = str(error)
        assert time.monotonic() < deadline, f"{why}: not within {seconds:.0f} s: {problem}"
        time.sleep(1)


@dataclass
class Cluster:
    """The running cluster, seen from outside."""

    before: dict[str, Any]

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """kubectl's standard output. Raises CalledProcessError."""
        command = ["ip", "netns", "exec", "kilonode", str(self.bin / "kubectl")]
        return subprocess.run(
            [*command, f"--kubeconfig={STATE / 'kubeconfig'}", *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def apply(self, name: str) -> None:
        self.kubectl("apply", "--filename", str(MANIFESTS / f"{name}.yaml"))

    def on(self, machine: str, *command: str) -> str:
        """The standard output of a command run on a machine. Raises CalledProcessError."""
        spec = load(machine)
        assert spec is not None, f"no machine {machine}"
        return subprocess.run(
            guest.command(spec, *command), stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def on_all(self, names: Sequence[str], *command: str) -> list[str]:
        """As `on`, on several machines at once."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda name: self.on(name, *command), names))

    def machines(self, role: str) -> list[str]:
        """Names of the machines of a role: etcd, events, master or a pool's name."""
        found = sorted(spec.name for spec in machines() if f"-{role}-" in f"-{spec.name}")
        assert found, f"no machine of the role {role}"
        return found

    @cached_property
    def bin(self) -> Path:
        """Folder of kubectl and the other programs of the toolchain."""
        shown = subprocess.run(
            [str(TOP / "commands" / "run"), "toolchain", "bin"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return Path(shown.stdout.strip())


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Booted by `make up` that was killed in every phase, and then came to its end."""
    from tests.cluster.interruption import PHASES, up_killed_in

    before = fingerprint()
    if not request.config.getoption("--keep-cluster"):
        for phase in PHASES:
            up_killed_in(phase)
    make("up")
    yield Cluster(before)
    if not request.config.getoption("--keep-cluster"):
        make("down")
