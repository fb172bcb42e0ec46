"""docs/settings.md and the table it comes from."""

from __future__ import annotations

from config.reference import entries, entry, keys_in, qualified
from config.settings_page import FILE, markdown


def test_the_page_is_what_the_schema_says() -> None:
    assert FILE.read_text() == markdown(), "run python -m config.settings_page"


def test_every_key_has_a_meaning_a_limit_and_an_example() -> None:
    for one in entries():
        assert one.meaning, one.path
        assert one.limit, one.path
        assert one.example is not None, one.path


def test_a_key_below_one_of_the_users_own_is_found() -> None:
    found = entry(("nodePools", "cpu", "scaleSets", "a", "maxNodes"))
    assert found is not None
    assert found.path == ("nodePools", "*", "scaleSets", "*", "maxNodes")
    assert keys_in(("nodePools", "cpu")) == [*("size", "scaleSets", "labels", "taints", "preload")]


def test_keys_of_the_provider_keep_its_namespace() -> None:
    assert qualified(("tenantId",)) == "azure-native:tenantId"
    assert qualified(("network", "cidr")) == "kilonode:network.cidr"
