"""Azure's instance metadata service."""

from __future__ import annotations

import json
import urllib.parse

from kilonode import web

_TOKEN = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource="


def token(resource: str) -> str:
    """An access token of the machine's managed identity for `resource`, such as
    https://vault.azure.net. Raises one of web.ERRORS.

    The machine has exactly one identity, so the request names none.
    """
    url = _TOKEN + urllib.parse.quote(resource, safe="")
    answer = json.loads(web.send(url, {"Metadata": "true"}))
    return str(answer["access_token"])
