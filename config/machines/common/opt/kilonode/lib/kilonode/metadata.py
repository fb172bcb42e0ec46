"""Azure's instance metadata service."""

from __future__ import annotations

import json
import urllib.parse

from kilonode import web
from kilonode.machine import environment

_TOKEN = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"


def token(resource: str) -> str:
    """An access token of the role's managed identity for `resource`, such as
    https://vault.azure.net. Raises one of web.ERRORS.

    The identity is named: policies of a company give VMs one of the system's own, and without a
    name Azure would answer for that one.
    """
    wanted = urllib.parse.urlencode(
        {"resource": resource, "msi_res_id": environment()["IDENTITY_ID"]}
    )
    answer = json.loads(web.send(f"{_TOKEN}&{wanted}", {"Metadata": "true"}))
    return str(answer["access_token"])
