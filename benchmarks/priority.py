"""Processes that have a machine to themselves in a real cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

FIRST = -15


def go_first(processes: Iterable[int]) -> None:
    """Before all others on this machine; threads that begin later do as those that began them."""
    for process in processes:
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), FIRST)
