"""Who is declared: the vault's word, or the one that was kept."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kilonode.bundle import files_of
from kilonode.etcd.decision import Declared
from kilonode.etcd.declared import Declaration

from config.declared import DECLARED_FILE, declared
from config.topology import topology
from tests.unit.blob_store import Store, azure
from tests.unit.settings_samples import settings

pytestmark = pytest.mark.usefixtures("pauses")

SECRET = "/secrets/etcd"
OLD = '{"founder": "etcd-a", "voters": {"etcd-a": "10.0.0.10"}, "learner": null}'
WITHOUT = '{"founder": "etcd-b", "voters": {"etcd-b": "10.0.0.11"}, "learner": null}'


@pytest.fixture
def vault() -> Iterator[tuple[Store, str]]:
    with azure() as served:
        yield served


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps({"files": {"etcd/ca.crt": "CA", DECLARED_FILE: OLD}}))
    return file


@pytest.fixture
def process(vault: tuple[Store, str], kept: Path) -> Callable[[], Declaration]:
    """Starts a program that looks who is declared."""
    return lambda: Declaration({"VAULT_URL": vault[1], "BUNDLE_NAME": "etcd"}, kept)


@pytest.fixture
def declaration(process: Callable[[], Declaration]) -> Declaration:
    return process()


def put(store: Store, declared: str) -> None:
    bundle = {"files": {DECLARED_FILE: declared}}
    store.blobs[SECRET] = json.dumps({"value": json.dumps(bundle)}).encode()


def test_what_the_deployment_writes_is_what_a_machine_reads(
    vault: tuple[Store, str], declaration: Declaration
) -> None:
    members = topology(settings({"etcd.main.members": ["b", "a", "c"]})).etcd
    put(vault[0], declared(members))
    assert declaration.look_up() == Declared(
        "test-etcd-b",
        {"test-etcd-a": "10.0.0.10", "test-etcd-b": "10.0.0.11", "test-etcd-c": "10.0.0.12"},
        {},
    )


def test_a_learner_is_no_voter(vault: tuple[Store, str], declaration: Declaration) -> None:
    learner = {"name": "etcd-i", "address": "10.0.0.18"}
    put(vault[0], json.dumps({"founder": "etcd-b", "voters": {"etcd-b": "b"}, "learner": learner}))
    found = declaration.look_up()
    assert found == Declared("etcd-b", {"etcd-b": "b"}, {"etcd-i": "10.0.0.18"})


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"value": "[]"}'])
def test_the_kept_word_counts_while_the_vault_gives_none(
    vault: tuple[Store, str],
    declaration: Declaration,
    value: bytes | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if value is not None:
        vault[0].blobs[SECRET] = value
    assert declaration.look_up() == Declared("etcd-a", {"etcd-a": "10.0.0.10"}, {})
    assert "going by the kept declaration" in capsys.readouterr().err


def test_who_left_stays_away_when_the_vault_fails_later(
    vault: tuple[Store, str], process: Callable[[], Declaration], kept: Path
) -> None:
    """It would join again, and its machine is deleted next: a dead voter."""
    put(vault[0], WITHOUT)
    first = process()
    assert "etcd-a" not in first.look_up().voters
    vault[0].down = True
    assert "etcd-a" not in first.look_up().voters
    assert "etcd-a" not in process().look_up().voters
    # All else is the refresh's, and this is what a boot without the vault lays out.
    assert files_of(kept.read_text()) == {"etcd/ca.crt": "CA", DECLARED_FILE: WITHOUT}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_one_failed_request_is_no_reason_to_go_by_an_old_word(
    vault: tuple[Store, str], declaration: Declaration, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(vault[0], WITHOUT)
    vault[0].down = True
    monkeypatch.setattr("kilonode.web.time.sleep", lambda _: setattr(vault[0], "down", False))
    assert "etcd-a" not in declaration.look_up().voters


def test_a_vault_that_stays_away_is_waited_for_once(
    declaration: Declaration, pauses: list[float]
) -> None:
    declaration.look_up()
    assert 20 < sum(pauses) <= 60
    waited = len(pauses)
    declaration.look_up()
    assert len(pauses) == waited


def test_what_is_heard_again_is_not_written_again(
    vault: tuple[Store, str], declaration: Declaration, kept: Path
) -> None:
    put(vault[0], OLD)
    before = kept.stat()
    declaration.look_up()
    assert kept.stat() == before


def test_a_part_of_a_bundle_is_never_kept_as_one(
    vault: tuple[Store, str], declaration: Declaration, kept: Path
) -> None:
    kept.unlink()
    put(vault[0], OLD)
    declaration.look_up()
    assert not kept.exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"founder": "etcd-a", "voters": {}}'])
def test_a_declaration_that_is_none_is_an_error(
    vault: tuple[Store, str], declaration: Declaration, kept: Path, content: str
) -> None:
    put(vault[0], content)
    with pytest.raises(ValueError, match=r"declaration|Expecting"):
        declaration.look_up()
    assert files_of(kept.read_text())[DECLARED_FILE] == OLD
