"""D9: what the documents' scoring leaves empty, and what it costs, against the scheduler's default.

Both arms are the real scheduler with the same limits on its requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks import scheduler
from benchmarks.row import Row
from benchmarks.scheduler import Placed, Scheduler

NODES = 1000
PODS = 1000
EMPTY_AIM = 740
LOSS_AIM = 0.10
# Each arm comes first and last once, so that a box that warms up favours neither.
ORDER = ("default", "ours", "ours", "default")

# A quarter of a node.
_REQUEST = {"cpu": "5", "memory": "35Gi"}


def run(programs: Path) -> list[Row]:
    """programs: folder of etcd, kube-apiserver, kube-scheduler and kubectl."""
    with scheduler.started(programs, NODES) as started:
        placed = _both_arms(started)
    empty = {arm: min(_empty(one) for one in runs) for arm, runs in placed.items()}
    rate = {arm: median(one.rate for one in runs) for arm, runs in placed.items()}
    loss = 1 - rate["ours"] / rate["default"]
    return [
        Row(
            f"empty nodes of {NODES:,} after {PODS:,} pods of a quarter node (D9)",
            str(empty["ours"]),
            str(empty["default"]),
            f"{empty['ours'] - empty['default']:+}",
            f"≥ {EMPTY_AIM}",
            empty["ours"] >= EMPTY_AIM,
        ),
        Row(
            "pods scheduled a second meanwhile",
            f"{rate['ours']:.0f}",
            f"{rate['default']:.0f}",
            f"{-loss:+.0%}",
            f"loss ≤ {LOSS_AIM:.0%}",
            loss <= LOSS_AIM,
        ),
    ]


def _both_arms(started: Scheduler) -> Mapping[str, list[Placed]]:
    ours = yaml.safe_load(started.file.read_text())
    configurations = {
        "ours": ours,
        # Its own profile, in all but the requests that it may send.
        "default": {key: ours[key] for key in ("apiVersion", "kind", "clientConnection")},
    }
    pods = [_pod(number) for number in range(PODS)]
    placed: dict[str, list[Placed]] = {arm: [] for arm in configurations}
    for arm in ORDER:
        started.file.write_text(yaml.safe_dump(configurations[arm]))
        placed[arm].append(started.place(pods))
    return placed


def _empty(placed: Placed) -> int:
    return NODES - len(set(placed.nodes))


def _pod(number: int) -> dict[str, Any]:
    container = {"name": "one", "image": "none", "resources": {"requests": _REQUEST}}
    return {"metadata": {"name": f"pod-{number}"}, "spec": {"containers": [container]}}
