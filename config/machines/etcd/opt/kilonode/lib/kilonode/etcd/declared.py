"""Who belongs to this machine's cluster, by the word of its deployment.

That word comes in the role's bundle, so whoever is declared or not any more, no machine changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from kilonode import bundle, web
from kilonode.etcd.decision import Declared
from kilonode.machine import Journal

# bundle.service lays it out beside the certificates.
_FILE = "declared.json"
_ENTRY = f"etcd/{_FILE}"


class Declaration:
    """Looked up for a machine that has no data: one with data goes on in any case."""

    def __init__(self, parameters: Mapping[str, str], pki: Path) -> None:
        """parameters: of machine.env; pki: etcd's folder, where the entry was laid out."""
        self._vault, self._name = parameters["VAULT_URL"], parameters["BUNDLE_NAME"]
        self._kept = pki / _FILE
        self._journal = Journal()

    def look_up(self) -> Declared:
        """Raises one of web.ERRORS.

        The vault is asked each time: what was laid out may be a day old, and a machine that is not
        declared any more would join. Without the vault the kept word counts, since a blank member
        has to come back on the day that the vault does not answer.
        """
        try:
            content = bundle.files_of(bundle.fetch(self._vault, self._name))[_ENTRY]
        except (*web.ERRORS, KeyError) as error:
            self._journal.say(f"going by the kept declaration, as the vault says: {error}")
            content = self._kept.read_text()
        return _parse(content)


def _parse(content: str) -> Declared:
    try:
        entry = json.loads(content)
        learner = entry["learner"]
        return Declared(
            founder=entry["founder"],
            voters=entry["voters"],
            learners={learner["name"]: learner["address"]} if learner else {},
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the declaration is not what one should be: {error}") from error
