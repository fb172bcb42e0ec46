"""What a person's commands say and hand on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from commands.engine import TOP, Engine, unread
from commands.up import PhaseError, nodes, phase
from config.environment import machine_user_data
from config.topology import topology
from local_azure.machines.spec import Spec
from tests.unit.settings_samples import settings


def test_a_passphrase_of_the_users_own_does_not_reach_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine prefers it to the file, and could not read its own state."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the user's")
    environment = Engine(stack="local", home=tmp_path).environment()
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment
    assert environment["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(tmp_path / "passphrase")


def test_a_failure_names_the_phase() -> None:
    """Not the wrappers that its program was started under."""
    with pytest.raises(PhaseError, match=r"^machine image$"), phase("machine image"):
        subprocess.run(["false"], check=True)


def test_every_machine_with_a_kubelet_is_waited_for_and_no_other() -> None:
    wanted = settings()
    plan = topology(wanted)
    etcd = [plan.etcd.voters[0], plan.events.voters[0]]
    specs = [
        Spec(
            resource=one.name,
            vm_id="",
            hostname=one.name.upper(),
            address="10.0.0.10",
            subnet="10.0.0.0/24",
            custom_data=machine_user_data(wanted, plan, one).encoded,
            image="",
        )
        for one in plan.machines
        if one in etcd or one.role in ("master", "node")
    ]
    assert nodes(specs) == {
        *(f"test-master-{key}" for key in "abc"),
        *("test-cpu-a", "test-cpu-b"),
    }


def test_another_kind_of_host_is_refused_before_anything_is_installed(tmp_path: Path) -> None:
    (tmp_path / "uname").write_text("#!/bin/sh\necho Darwin arm64\n")
    (tmp_path / "uname").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [TOP / "commands" / "run", "platform"],
        env={**environment, "KILONODE_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "kilonode: Linux on x86-64 is needed; this is Darwin arm64\n"
    assert not (tmp_path / "cache").exists()


def test_a_secret_of_another_backend_does_not_stop_a_preview() -> None:
    """Its key is not here, and what it says is in no preview anyway."""
    entries = {"kilonode:datadogApiKey": {"secure": "v1:abc:def"}, "kilonode:zones": ["1"]}
    assert unread(entries) == {"kilonode:datadogApiKey": "encrypted", "kilonode:zones": ["1"]}
