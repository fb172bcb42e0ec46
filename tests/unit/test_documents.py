"""The table of the documents' facts: every row says where it stands and what proves it."""

from __future__ import annotations

import ast
import re

import pytest

from config.documents import FACTS, Fact
from config.stack_file import REPOSITORY

# Facts that later releases are about; their rows say what is not there and why.
LATER = {"E2", "E3", "E7", "E8", "E10", "E11"}
# Not built, or not all of it. It only ever gets shorter.
NOT_YET = {"D5"}

# Tests that need neither a booted machine nor Azure, so that they judge every change.
FAST = ("tests/unit/", "tests/monitoring/", "tests/api/")

IN_FORCE = [fact for fact in FACTS if fact.form]


def test_every_fact_of_the_documents_has_a_row() -> None:
    ids = [*(f"D{number}" for number in range(1, 19)), *(f"E{number}" for number in range(1, 12))]
    assert [fact.id for fact in FACTS] == ids


def test_what_is_missing_is_what_was_said_to_be() -> None:
    assert {fact.id for fact in FACTS if fact.missing} - LATER == NOT_YET


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.id)
def test_a_row_is_in_force_with_a_proof_or_says_what_is_missing(fact: Fact) -> None:
    if fact.form:
        assert fact.files, "where it stands"
        assert any(proof.startswith(FAST) for proof in fact.proof), "a proof for every change"
        assert any(fact.files.values()), "what `make mutants` takes away"
        on_machines = any(proof.startswith("tests/cluster/") for proof in fact.proof)
        assert on_machines or fact.witness, "a proof on running machines, or why there is none"
    else:
        assert fact.missing
        assert not fact.files
        assert not fact.proof


@pytest.mark.parametrize("fact", IN_FORCE, ids=lambda fact: fact.id)
def test_the_id_stands_beside_what_carries_the_fact(fact: Fact) -> None:
    """For the reader of a file, who wonders why it says so. JSON has no comments."""
    for file in fact.files:
        text = (REPOSITORY / file).read_text()
        assert file.endswith(".json") or re.search(rf"\b{fact.id}\b", text), file


@pytest.mark.parametrize("fact", IN_FORCE, ids=lambda fact: fact.id)
def test_a_proof_is_a_test_that_exists(fact: Fact) -> None:
    for proof in fact.proof:
        file, _, name = proof.partition("::")
        assert name in names_of_tests(file), proof


def names_of_tests(file: str) -> set[str]:
    """Names of the file's tests, parsed and not run: those of clusters cannot run everywhere."""
    module = ast.parse((REPOSITORY / file).read_text())
    return {
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
