"""One faulty request to Azure, and what its parts are made of."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def coded(size: int) -> str:
    return base64.b64encode(b"x" * size).decode()


def security_rule(name: str, priority: int, direction: str = "Inbound") -> dict[str, Any]:
    return {
        "name": name,
        "priority": priority,
        "direction": direction,
        "access": "Allow",
        "protocol": "*",
    }


@dataclass(frozen=True)
class Case:
    """A fault: the rule that catches it, Azure's code, and the type and body that have it.

    changes: on the valid body. new: under another name, so a creation; else an update.
    """

    rule: str
    code: str
    type: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    new: bool = False
    # Deleted before.
    deleted: str = ""
