"""Who is declared: the vault's word, or the one that was kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kilonode.etcd.decision import Declared
from kilonode.etcd.declared import Declaration

from config.declared import DECLARED_FILE, declared
from config.topology import topology
from tests.unit.blob_store import Store, azure
from tests.unit.settings_samples import settings

SECRET = "/secrets/etcd"
OLD = '{"founder": "etcd-a", "voters": {"etcd-a": "10.0.0.10"}, "learner": null}'


@pytest.fixture
def vault() -> Iterator[tuple[Store, str]]:
    with azure() as served:
        yield served


@pytest.fixture
def declaration(vault: tuple[Store, str], tmp_path: Path) -> Declaration:
    kept = tmp_path / "declared.json"
    kept.write_text(OLD)
    return Declaration({"VAULT_URL": vault[1], "BUNDLE_NAME": "etcd"}, tmp_path)


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


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"founder": "etcd-a", "voters": {}}'])
def test_a_declaration_that_is_none_is_an_error(
    vault: tuple[Store, str], declaration: Declaration, content: str
) -> None:
    put(vault[0], content)
    with pytest.raises(ValueError, match=r"declaration|Expecting"):
        declaration.look_up()
