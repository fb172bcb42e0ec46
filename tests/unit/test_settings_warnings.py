"""What is built all the same, with a word about it."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import warnings
from tests.unit.settings_samples import settings

WARNED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a retired size names the size that stands in for it": (
        {"retiredSizes": "substitute", "nodePools.cpu.size": "Standard_NC24"},
        ["nodePools.cpu.size", "Standard_NC24", "2023-09-06", "Standard_NC64as_T4_v3 stands in"],
    ),
    "a retiring size names the day": (
        {"nodePools.cpu.size": "Standard_D15_v2"},
        ["nodePools.cpu.size", "2028-05-01", "Standard_E20ds_v5 comes closest"],
    ),
    "more than five masters name the figures to look at first": (
        {"masters.members": list("abcdef")},
        ["6 masters", "write latency", "LIST", "429 and 5xx"],
    ),
    "a single events member says what it costs": (
        {"etcd.events.members": ["a"]},
        ["etcd.events.members", "no events"],
    ),
    "an artifact without a checksum says how to get one": (
        {"artifacts.checksums": {"flannel": "f" * 64}},
        ["artifacts.checksums: none for cri-dockerd,", "python -m toolchain mirror"],
    ),
    "two zones say what the loss of one takes": (
        {"zones": ["1", "2"]},
        ["kilonode:zones", "only 1, 2", "quorum"],
    ),
    "no zones say what may happen": ({"zones": []}, ["kilonode:zones", "the quorum"]),
    "an API that is open to all says so": (
        {"api": {"public": {"allowedRanges": ["0.0.0.0/0"]}}},
        ["api.public.allowedRanges", "whole internet"],
    ),
}


@pytest.mark.parametrize(("changes", "parts"), WARNED.values(), ids=WARNED.keys())
def test_warning(changes: dict[str, Any], parts: list[str]) -> None:
    (text,) = warnings(settings(changes))
    for part in parts:
        assert part in text


def test_ordinary_settings_give_no_warning() -> None:
    assert warnings(settings()) == []
