"""The facts of the documents that this project implements, and where each one is in force.

They stand in config/documents.yaml; docs/settings.md shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

_FILE = Path(__file__).parent / "documents.yaml"


class Fact(BaseModel):
    """One row.

    files: where it stands, below the repository, with the settings in it: the key of each, or a
    mapping from that to the value which says that the setting is not there.
    proof: tests that fail without it, FILE::TEST. witness: what comes nearest to a proof where
    nothing here can put it in force, and why. missing: what is not there, and why.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str
    fact: str
    form: str = ""
    files: Mapping[str, list[str | dict[str, Any]]] = {}
    proof: list[str] = []
    witness: str = ""
    missing: str = ""


# Raises pydantic's ValidationError: a misspelt key would be a row without a proof.
FACTS = tuple(
    Fact(id=id_, **row) for id_, row in yaml.safe_load(_FILE.read_text(encoding="utf-8")).items()
)
