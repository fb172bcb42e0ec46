"""Every program takes its unit's flags, and docs/flags.md says why deprecated ones stand."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from config.render import machine_files
from config.schema.stack import Settings
from config.settings import raw_settings
from config.stack_file import configuration, stacks
from tests.api.machine import Machine

FLAGS_PAGE = Path(__file__).parents[2] / "docs" / "flags.md"
# Service -> the program's name in docs/flags.md, by role.
SERVICES = {
    "etcd": {"etcd": "etcd"},
    "master": {
        "kube-apiserver": "kube-apiserver",
        "kube-controller-manager": "kube-controller-manager",
        "kube-scheduler": "kube-scheduler",
    },
    "node-cpu": {
        "kubelet": "kubelet",
        "kube-proxy": "kube-proxy",
        "cri-dockerd": "cri-dockerd",
        "flannel": "flannel",
    },
}
# What a machine finds out for itself.
FOUND_OUT = {
    "/run/kilonode/node.env": {
        "NODE_IP": "10.0.64.4",
        "NODE_NAME": "cpu-a-000000",
        "PROVIDER_ID": "azure:///subscriptions/none",
    },
    "/run/kilonode/etcd-servers.env": {
        "ETCD_SERVERS": "https://10.0.0.10:2379,https://10.0.0.11:2379",
        "EVENTS_SERVERS": "https://10.0.0.30:2381;https://10.0.0.31:2381",
    },
    "/run/kilonode/etcd.env": {
        "MEMBER_NAME": "prod-etcd-a",
        "MEMBER_ADDRESS": "10.0.0.10",
        "INITIAL_CLUSTER": "prod-etcd-a=https://10.0.0.10:2380",
        "INITIAL_CLUSTER_STATE": "new",
        "INITIAL_CLUSTER_TOKEN": "token",
    },
}
ALL = [
    (stack, role, service)
    for stack in stacks()
    for role, services in SERVICES.items()
    for service in services
]

Command = Callable[[str, str, str], list[str]]


@pytest.fixture(scope="module")
def command(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command line of a service on a machine of the role in the stack."""

    @cache
    def machine(stack: str, role: str) -> Machine:
        settings = Settings.model_validate(raw_settings(configuration(stack)))
        made = Machine(
            tmp_path_factory.mktemp(f"{stack}-{role}"), machine_files(settings)[role], programs
        )
        for path, variables in FOUND_OUT.items():
            made.path(path).touch()
            made.set(path, **variables)
        return made

    return lambda stack, role, service: machine(stack, role).command(service)


def answer(command: list[str]) -> str:
    """What the program's own parser says, which reads all flags before it helps."""
    return subprocess.run(
        [*command, "--help"], capture_output=True, text=True, check=False, timeout=60
    ).stderr


def refused(said: str) -> list[str]:
    """Flags that the program does not know, or whose values it cannot read."""
    return re.findall(
        r"(?:unknown (?:shorthand )?flag|provided but not defined|invalid (?:argument|value)"
        r"|flag needs an argument).*",
        said,
    )


def deprecated(said: str) -> set[str]:
    return set(re.findall(r"^Flag (--\S+) has been deprecated", said, re.MULTILINE))


def table(title: str) -> Iterator[list[str]]:
    """The rows of a section of docs/flags.md, without back quotes."""
    section = FLAGS_PAGE.read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("|"):
            yield [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize(("stack", "role", "service"), ALL)
def test_no_flag_is_unknown_or_unreadable(
    command: Command, stack: str, role: str, service: str
) -> None:
    """Else the machine has no such program, and one that is rolled out has none any more."""
    assert refused(answer(command(stack, role, service))) == []


@pytest.mark.parametrize(("stack", "role", "service"), ALL[: len(ALL) // len(stacks())])
def test_a_flag_that_nobody_has_is_found(
    command: Command, stack: str, role: str, service: str
) -> None:
    """The counterpart, for each program's own way to say so."""
    assert refused(answer([*command(stack, role, service), "--no-such-flag"]))


def test_the_deprecated_ones_are_those_with_a_reason(command: Command) -> None:
    said = {
        (service, flag)
        for stack, role, service in ALL
        for flag in deprecated(answer(command(stack, role, service)))
    }
    _, _, *rows = table("Deprecated flags that we use")
    assert {(program, flag) for program, flag, _ in rows} == said
    assert all(reason for _, _, reason in rows)


def test_the_documents_flags_are_what_the_page_says_today(programs: Path) -> None:
    _, _, *rows = table("The documents' flags, as they are written")
    for program, flag, today, _ in rows:
        said = answer([str(programs / program), flag])
        found = "unknown" if refused(said) else "deprecated" if deprecated(said) else "taken"
        assert found == today, f"{program} {flag}"
