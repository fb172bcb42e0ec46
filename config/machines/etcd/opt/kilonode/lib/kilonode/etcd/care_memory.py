"""What care knows from its earlier runs since the machine booted."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from kilonode.etcd.client import Status
from kilonode.machine import write_atomically

# An apiserver's own compactions leave as much: watches and paged lists may go back that far.
HISTORY_SECONDS = 300.0


@dataclass
class Memory:
    """`revisions`: the cluster's at times of the monotonic clock, oldest first. That clock is never
    set, and stands still while Azure freezes the VM: a revision may be older than it seems, but not
    younger. `done`: how often what was done. `ended`: when care last came to its end, by the wall
    clock; 0 if it never did."""

    cluster_id: int = 0
    revisions: list[tuple[float, int]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    ended: float = 0.0

    def note(self, status: Status, now: float) -> None:
        """What is longer ago than anybody will ask for is forgotten, as is another cluster."""
        same = status.cluster_id == self.cluster_id
        kept = [entry for entry in self.revisions if same and entry[1] <= status.revision]
        old = [entry for entry in kept if entry[0] <= now - HISTORY_SECONDS]
        self.cluster_id = status.cluster_id
        self.revisions = [*old[-1:], *kept[len(old) :], (now, status.revision)]

    def old_revision(self, now: float) -> int | None:
        """The newest one that is old enough to be compacted; None if none is known to be."""
        old = [revision for time, revision in self.revisions if time <= now - HISTORY_SECONDS]
        return old[-1] if old else None


def load(file: Path) -> Memory:
    """An empty one where there is no file: it lies in /run, so it goes as the clock begins anew."""
    if not file.exists():
        return Memory()
    content = json.loads(file.read_text())
    revisions = [(time, revision) for time, revision in content["revisions"]]
    return Memory(content["cluster_id"], revisions, Counter(content["done"]), content["ended"])


def save(memory: Memory, file: Path) -> None:
    write_atomically(file, json.dumps(vars(memory)).encode(), 0o644)
