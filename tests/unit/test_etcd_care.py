"""When a member's file is worth a moment in which it stands still, and what care remembers."""

from dataclasses import replace
from pathlib import Path

import pytest
from kilonode.etcd import care_memory
from kilonode.etcd.care import pays
from kilonode.etcd.care_memory import HISTORY_SECONDS, Memory
from kilonode.etcd.client import Status

MIB = 1 << 20
STATUS = Status(1, 2, leader=2, revision=9, applied=9, size=MIB, in_use=MIB, quota=8 << 30)

PAYING = {
    "much free": (replace(STATUS, size=1000 * MIB, in_use=500 * MIB), False, True),
    "a large share of little": (replace(STATUS, size=90 * MIB, in_use=MIB), False, False),
    "a small share of much": (replace(STATUS, size=4000 * MIB, in_use=2500 * MIB), False, False),
    "a file near its quota": (replace(STATUS, size=7800 * MIB, in_use=6000 * MIB), False, True),
    "near, and all in use": (replace(STATUS, size=7800 * MIB, in_use=7700 * MIB), False, False),
    "alarm, little free": (replace(STATUS, size=8192 * MIB, in_use=6900 * MIB), True, True),
    "alarm, too little free": (replace(STATUS, size=8192 * MIB, in_use=7400 * MIB), True, False),
    "alarm, of another member": (replace(STATUS, size=2000 * MIB, in_use=1900 * MIB), True, False),
}


@pytest.mark.parametrize(("status", "full", "expected"), PAYING.values(), ids=PAYING)
def test_a_member_stands_still_only_where_it_pays(
    status: Status, full: bool, expected: bool
) -> None:
    assert pays(status, full) == expected


def test_revisions_of_another_cluster_or_of_a_future_count_for_nothing() -> None:
    """A restored cluster has another ID: its history has nothing to do with the old one's."""
    memory = Memory()
    memory.note(replace(STATUS, revision=50), 0)
    memory.note(replace(STATUS, revision=60), 100)
    assert memory.old_revision(HISTORY_SECONDS) == 50
    memory.note(replace(STATUS, cluster_id=7, revision=70), 500)
    assert memory.old_revision(500) is None
    memory.note(replace(STATUS, cluster_id=7, revision=20), 1000)
    assert memory.old_revision(1000) is None


def test_what_care_knows_does_not_grow_and_survives_its_program(tmp_path: Path) -> None:
    memory = Memory()
    for minute in range(100):
        memory.note(replace(STATUS, revision=minute), 60.0 * minute)
    memory.done["compactions"] += 1
    assert len(memory.revisions) <= HISTORY_SECONDS / 60 + 2
    assert memory.old_revision(60.0 * 99) == 94
    care_memory.save(memory, tmp_path / "memory")
    assert care_memory.load(tmp_path / "memory") == memory
    assert care_memory.load(tmp_path / "none") == Memory()
