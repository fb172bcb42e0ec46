"""Azure's instance metadata service."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse

from kilonode import web
from kilonode.machine import environment

_TOKEN = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
# Long enough for a large file, and no longer: the service hands out tokens that it has kept for
# hours, and does not say clearly since when `expires_in` counts.
_KEPT_SECONDS = 300.0

# By the address that gave it: the token, and until when this process uses it. A file goes to Blob
# storage in many requests, and the service answers few at once.
_tokens: dict[str, tuple[str, float]] = {}
_alone = threading.Lock()


def token(resource: str) -> str:
    """An access token of the role's managed identity for `resource`, such as
    https://vault.azure.net. Raises one of web.ERRORS.

    The identity is named: policies of a company give VMs one of the system's own, and without a
    name Azure would answer for that one.
    """
    wanted = urllib.parse.urlencode(
        {"resource": resource, "msi_res_id": environment()["IDENTITY_ID"]}
    )
    url = f"{_TOKEN}&{wanted}"
    with _alone:
        kept, until = _tokens.get(url, ("", 0.0))
        if time.monotonic() < until:
            return kept
        answer = json.loads(web.send(url, {"Metadata": "true"}))
        given = str(answer["access_token"])
        seconds = min(_KEPT_SECONDS, float(answer.get("expires_in", 0)))
        _tokens[url] = given, time.monotonic() + seconds
        return given
