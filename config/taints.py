"""Taints as stack files write them: KEY=VALUE:EFFECT, or KEY:EFFECT."""

from __future__ import annotations

from typing import NamedTuple


class Taint(NamedTuple):
    """value: "" without one."""

    key: str
    value: str
    effect: str


def parsed(text: str) -> Taint:
    """The parts of a taint; config/checks/pools.py refuses what is none."""
    name, _, effect = text.partition(":")
    key, _, value = name.partition("=")
    return Taint(key, value, effect)
