"""What a snapshot's name says."""

import datetime

from kilonode.etcd import snapshot_store

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_two_that_save_the_same_at_the_same_time_do_not_write_to_one_blob() -> None:
    """Two blank members of a zone, say: the blocks of both would be mixed."""
    names = {
        snapshot_store.name("change", NOW, 7, 1, "replace", f"prod-etcd-{key}") for key in "de"
    }
    assert len(names) == 2
    assert all(snapshot_store._NAME.fullmatch(name) for name in names)
