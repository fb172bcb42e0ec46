"""The program of an etcd machine, killed where it is told to be.

    python -m tests.etcd.membership.killable PLAN

PLAN is a Plan as JSON. Before each decision is acted on, and before anything outside the program is
changed (a file, a blob, the member list), one is counted; at `kill_at` the program kills itself. It
ends by itself when etcd could start, or when it waits and has looked again.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from kilonode import metadata
from kilonode.etcd import client, declared, member
from kilonode.etcd.decision import Step, Wait
from kilonode.etcd.member import Places, Preparation
from kilonode.etcd.this_member import ThisMember

from tests.unit.blob_store import IDENTITY

_STEP = "kilonode.step"
_OF_FILES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"}
_OF_MEMBERS = (b"POST /v3/cluster/member/add", b"POST /v3/cluster/member/remove")


@dataclass(frozen=True)
class Plan:
    """`log`: where the steps are written to. `token_url`: of the metadata service."""

    me: Mapping[str, Any]
    parameters: Mapping[str, str]
    places: Mapping[str, str]
    token_url: str
    log: str
    kill_at: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Logged(Preparation):
    """Tells its steps, and does not wait for ever."""

    waits = 0

    def __init__(self, plan: Plan) -> None:
        places = {
            key: path if key in ("etcd", "fio") else Path(path) for key, path in plan.places.items()
        }
        me = ThisMember(**{**plan.me, "peers": tuple(plan.me["peers"])})
        super().__init__(me, plan.parameters, Places(**places))  # type: ignore[arg-type]
        self._log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def act(self, step: Step) -> bool:
        os.write(self._log, f"{type(step).__name__}\n".encode())
        self.waits += isinstance(step, Wait)
        if self.waits > 1:
            sys.exit()
        sys.audit(_STEP)
        return super().act(step)


class Killer:
    """Hears of everything that the interpreter is about to do."""

    def __init__(self, kill_at: int, metrics: str) -> None:
        self._left, self._metrics = kill_at, metrics

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._changes(event, arguments):
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)

    def _changes(self, event: str, arguments: tuple[Any, ...]) -> bool:
        """What is told to Prometheus is read by nobody who decides."""
        if event == _STEP:
            return True
        if event == "http.client.send":
            return bytes(arguments[1]).startswith((b"PUT ", b"DELETE ", *_OF_MEMBERS))
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return False
        named = str(arguments[0]) if arguments else ""
        return (event == "open" or event in _OF_FILES) and self._metrics not in named


def main() -> None:
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    metadata._TOKEN = plan.token_url
    patch.object(metadata, "environment", return_value={"IDENTITY_ID": IDENTITY}).start()
    member._PAUSE_SECONDS = 0.1
    client._ANSWER_SECONDS = 1.0
    declared._PATIENCE_SECONDS = 0.0
    preparation = Logged(plan)
    sys.addaudithook(Killer(plan.kill_at, plan.places["metrics"]))
    member.prepare(preparation)


if __name__ == "__main__":
    main()
