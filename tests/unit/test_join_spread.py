"""E5: hundreds of nodes that boot at once do not come to the apiservers at once."""

from __future__ import annotations

import random
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable

import pytest
from kilonode import bundle

from config.user_data import MACHINES

UNITS = MACHINES / "common/etc/systemd/system"
NODES = 2500
SECONDS = 10

Boot = Callable[[str], list[float]]


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> Boot:
    """How long each of so many machines of a role waits, by the command of its unit."""
    (line,) = (
        line.removeprefix("ExecStart=")
        for line in (UNITS / "bundle.service").read_text().splitlines()
        if line.startswith("ExecStart=")
    )
    waited: list[float] = []
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setattr(bundle, "update", lambda *_: None)
    # The test is about the spread and not about luck.
    random.seed(5)

    def all_of(role: str) -> list[float]:
        variables = {"ROLE": role, "VAULT_URL": "", "BUNDLE_NAME": role}
        monkeypatch.setattr(bundle, "environment", lambda: variables)
        for _ in range(NODES):
            bundle.main()
        return waited

    return all_of


def test_nodes_that_boot_together_join_in_every_second_of_ten(boot: Boot) -> None:
    per_second = Counter(int(seconds) for seconds in boot("node"))
    assert sorted(per_second) == list(range(SECONDS))
    fair = NODES / SECONDS
    assert max(per_second.values()) < 1.25 * fair


@pytest.mark.parametrize("role", ["etcd", "events", "master"])
def test_machines_that_others_wait_for_do_not_wait(boot: Boot, role: str) -> None:
    assert boot(role) == []
