"""docs/settings.md and the table it comes from."""

from __future__ import annotations

import re

import pytest

from config.documents import FACTS, Fact
from config.reference import entries, entry, keys_in, qualified
from config.settings_reference import FILE, markdown
from config.stack_file import REPOSITORY


def test_the_page_is_what_the_schema_says() -> None:
    assert FILE.read_text() == markdown(), "run python -m config.settings_reference"


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.id)
def test_a_documents_fact_is_in_force_where_the_page_says(fact: Fact) -> None:
    for file in fact.files:
        text = (REPOSITORY / file).read_text()
        assert re.search(rf"\b{fact.id}\b", text), f"{file} says nothing of {fact.id}"


def test_every_fact_of_the_documents_has_a_row_that_says_where_it_stands() -> None:
    ids = [*(f"D{number}" for number in range(1, 19)), *(f"E{number}" for number in range(1, 12))]
    assert [fact.id for fact in FACTS] == ids
    assert all(fact.files or fact.missing for fact in FACTS)


def test_every_key_has_a_meaning_a_limit_and_an_example() -> None:
    for one in entries():
        assert one.meaning, one.path
        assert one.limit, one.path
        assert one.example is not None, one.path


def test_a_key_below_one_of_the_users_own_is_found() -> None:
    found = entry(("nodePools", "cpu", "scaleSets", "a", "maxNodes"))
    assert found is not None
    assert found.path == ("nodePools", "*", "scaleSets", "*", "maxNodes")
    assert keys_in(("nodePools", "cpu")) == ["size", "maxNodes", "scaleSets", "labels", "taints"]


def test_keys_of_the_provider_keep_its_namespace() -> None:
    assert qualified(("tenantId",)) == "azure-native:tenantId"
    assert qualified(("network", "cidr")) == "kilonode:network.cidr"
