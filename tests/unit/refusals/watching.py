"""What watches the cluster."""

from __future__ import annotations

from config.checks import watching
from tests.unit.refusals import Row

ROWS = {
    "Datadog's agents without a key": Row(
        watching.datadog_has_its_key,
        {"addons.datadog": {}},
        "datadogApiKey",
        ["= (missing)", "pulumi config set --secret kilonode:datadogApiKey"],
    ),
    "Datadog's agents with an empty key": Row(
        watching.datadog_has_its_key,
        {"addons.datadog": {}, "datadogApiKey": " "},
        "datadogApiKey",
        ["= (missing)"],
    ),
}
