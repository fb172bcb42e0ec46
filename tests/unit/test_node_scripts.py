"""The nodes' shell scripts, with recorded programs in the place of the system's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from config.user_data import MACHINES

SCRIPTS = MACHINES / "node/opt/kilonode/bin"


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

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self._folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", str(SCRIPTS / script)],
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
        return f'[[ ! -s {left} ]] || {{ truncate --size=-1 {left}; exit {code}; }}'

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
