"""Approves the certificates that nodes may have, on every master at once.

Kubernetes' own controller signs what is approved, and approves kubelets' client certificates; of
serving certificates it knows no rule, since it does not know which address is whose.
"""

from __future__ import annotations

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


def main() -> None:
    variables = environment()
    plan = Plan.of(variables)
    api = KubeApi(
        variables["API_SERVER"], PKI / "ca.crt", PKI / "csr-approver.crt", PKI / "csr-approver.key"
    )
    while True:
        try:
            # A new watch begins with all requests there are, so none is forgotten.
            for event in api.watch(CERTIFICATE_REQUESTS, _WATCH_SECONDS):
                if event["type"] in ("ADDED", "MODIFIED"):
                    answer(api, event["object"], plan)
        except ERRORS as error:
            say(f"watching requests: {error}")
            time.sleep(5)


if __name__ == "__main__":
    main()
