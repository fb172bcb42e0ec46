"""Approves the certificates that nodes may have, on every master at once.

Kubernetes' own controllers sign what is approved, and approve a kubelet that renews its client
certificate. They have no rule for names and addresses: whoever may become a node could become any.
"""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError

from kilonode.csr_rules import Plan, Verdict, decide
from kilonode.kube_api import CERTIFICATE_REQUESTS, KubeApi
from kilonode.kubeconfigs import PKI
from kilonode.machine import environment, say
from kilonode.web import ERRORS

_WATCH_SECONDS = 300
_CONFLICT, _NOT_FOUND = 409, 404


def answered(request: dict[str, Any]) -> bool:
    return bool(request.get("status", {}).get("conditions"))


def with_verdict(request: dict[str, Any], verdict: Verdict, now: datetime) -> dict[str, Any]:
    """The request as it goes back to the API server."""
    condition = {
        "type": "Approved" if verdict.approved else "Denied",
        "status": "True",
        "reason": "KilonodeRules",
        "message": verdict.reason,
        "lastUpdateTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {**request, "status": {**request.get("status", {}), "conditions": [condition]}}


def answer(api: KubeApi, request: dict[str, Any], plan: Plan) -> None:
    """Puts the verdict on a request that has none and is ours to judge. Raises OSError."""
    verdict = None if answered(request) else decide(request["spec"], plan)
    if verdict is None:
        return
    name = request["metadata"]["name"]
    path = f"{CERTIFICATE_REQUESTS}/{name}/approval"
    try:
        api.request("PUT", path, with_verdict(request, verdict, datetime.now(UTC)))
    except HTTPError as error:
        # Another master was faster, or the request is gone.
        if error.code not in (_CONFLICT, _NOT_FOUND):
            raise
        return
    asked_by = request["spec"]["username"]
    say(f"{name} of {asked_by}: {'approved' if verdict.approved else 'denied'}, {verdict.reason}")


class Pending:
    """Requests without a verdict. They are taken in no order: masters that walked the same one
    would all write the same verdicts, all but one of them in vain."""

    def __init__(self) -> None:
        self._requests: dict[str, dict[str, Any]] = {}
        self._more = threading.Condition()

    def note(self, kind: str, request: dict[str, Any]) -> None:
        """kind: a watch event's type."""
        name = request["metadata"]["name"]
        with self._more:
            if kind in ("ADDED", "MODIFIED") and not answered(request):
                self._requests[name] = request
                self._more.notify()
            else:
                self._requests.pop(name, None)

    def take(self) -> dict[str, Any]:
        """Any one; waits for one where there is none."""
        with self._more:
            self._more.wait_for(lambda: self._requests)
            return self._requests.pop(random.choice(list(self._requests)))


def judge(api: KubeApi, pending: Pending, plan: Plan) -> None:
    """Answers what is pending, for ever."""
    while True:
        request = pending.take()
        try:
            answer(api, request, plan)
        except ERRORS as error:
            say(f"{request['metadata']['name']}: {error}")
            time.sleep(5)
            pending.note("MODIFIED", request)


def main() -> None:
    variables = environment()
    api = KubeApi(
        variables["API_SERVER"], PKI / "ca.crt", PKI / "csr-approver.crt", PKI / "csr-approver.key"
    )
    pending = Pending()
    judging = threading.Thread(target=judge, args=(api, pending, Plan.of(variables)), daemon=True)
    judging.start()
    # systemd starts both again if one ends.
    while judging.is_alive():
        try:
            # A new watch begins with all requests there are, so none is forgotten.
            for event in api.watch(CERTIFICATE_REQUESTS, _WATCH_SECONDS):
                pending.note(event["type"], event["object"])
        except ERRORS as error:
            say(f"watching requests: {error}")
            time.sleep(5)


if __name__ == "__main__":
    main()
