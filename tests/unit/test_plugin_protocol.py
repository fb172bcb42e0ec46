"""What plugins and the engine say to each other."""

from __future__ import annotations

from local_azure.arm.shapes import UNKNOWN
from local_azure.providers.protocol import decode, difference, encode


def test_values_survive_the_way_to_the_engine_and_back() -> None:
    body = {"a": {"b": [1, 2.5, "c", {"d": True}], "empty": {}, "none": []}, "later": UNKNOWN}
    assert decode(encode(body)) == body


def test_nulls_are_left_out_and_whole_numbers_are_whole() -> None:
    decoded = decode(encode({"gone": None, "capacity": 3.0}))
    assert decoded == {"capacity": 3}
    assert isinstance(decoded["capacity"], int)


def test_a_difference_is_told_at_its_own_path() -> None:
    old = {"os": {"data": "x", "name": "n"}, "tags": {"k8s.io/a": "1"}, "nics": [{"id": 1}, 2]}
    new = {"os": {"data": "y", "name": "n"}, "tags": {}, "nics": [{"id": 3}], "more": 1}
    assert sorted(difference(old, new)) == [
        ("more", "more", "ADD"),
        ("nics[0].id", "nics.id", "UPDATE"),
        ("nics[1]", "nics", "DELETE"),
        ("os.data", "os.data", "UPDATE"),
        ('tags["k8s.io/a"]', "tags.k8s.io/a", "DELETE"),
    ]


def test_an_unknown_value_differs_from_every_other() -> None:
    assert list(difference({"id": "x"}, {"id": UNKNOWN})) == [("id", "id", "UPDATE")]
    assert list(difference({"id": "x"}, {"id": "x"})) == []
