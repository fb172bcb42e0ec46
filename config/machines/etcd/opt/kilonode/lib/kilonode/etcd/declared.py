"""Who belongs to this machine's cluster, by the word of its deployment.

That word comes in the role's bundle, so whoever is declared or not any more, no machine changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from kilonode import bundle, web
from kilonode.etcd.decision import Declared
from kilonode.machine import Journal, write_atomically

_ENTRY = "etcd/declared.json"
_PATIENCE_SECONDS = 60.0


class Declaration:
    """Looked up for a machine that has no data: one with data goes on in any case."""

    def __init__(self, parameters: Mapping[str, str], kept: Path = bundle.KEPT) -> None:
        """parameters: of machine.env; kept: the last good bundle."""
        self._vault, self._name = parameters["VAULT_URL"], parameters["BUNDLE_NAME"]
        self._kept = kept
        self._journal = Journal()
        self._patience = _PATIENCE_SECONDS

    def look_up(self) -> Declared:
        """Raises one of web.ERRORS.

        The vault is asked each time: what was kept may be a day old, and a machine that is not
        declared any more would join. Without the vault the kept word counts, since a blank member
        has to come back on the day that the vault does not answer; but one failed request is not
        that day.
        """
        try:
            content = web.retry("declaration", self._ask, self._patience)
        except (*web.ERRORS, KeyError) as error:
            self._patience = 0.0
            self._journal.say(f"going by the kept declaration, as the vault says: {error}")
            return _parse(bundle.kept(self._kept).get(_ENTRY, ""))
        self._patience = _PATIENCE_SECONDS
        declared = _parse(content)
        self._keep(content)
        return declared

    def _ask(self) -> str:
        return bundle.files_of(bundle.fetch(self._vault, self._name))[_ENTRY]

    def _keep(self, content: str) -> None:
        """Who was told once that it is not declared must not go by an older word, nor after a boot
        without the vault, which lays out what is kept. The bundle's other entries are the daily
        refresh's, which lays them out first."""
        files = bundle.kept(self._kept)
        # A part of a bundle would pass for all of it.
        if files and files.get(_ENTRY) != content:
            text = json.dumps({"files": {**files, _ENTRY: content}})
            write_atomically(self._kept, text.encode(), 0o600)


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
