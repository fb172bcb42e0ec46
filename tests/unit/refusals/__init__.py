"""Settings that a rule refuses: a table for each module of config/checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from config.checks.check import Check


@dataclass(frozen=True)
class Row:
    """Settings that one rule refuses: the key it names and what else its line says."""

    check: Check
    changes: dict[str, Any]
    key: str
    says: list[str] = field(default_factory=list)
