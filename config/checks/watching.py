"""What watches the cluster: keys that it needs."""

from __future__ import annotations

from collections.abc import Iterator

from config.checks.check import reads
from config.problems import Problem, problem
from config.schema import Settings


@reads("addons.datadog", "datadogApiKey")
def datadog_has_its_key(settings: Settings) -> Iterator[Problem]:
    key = settings.datadog_api_key
    if settings.addons.datadog and not (key and key.get_secret_value().strip()):
        yield problem(
            "datadogApiKey",
            "(missing)",
            "addons.datadog sends nothing without it",
            "run `pulumi config set --secret kilonode:datadogApiKey`, or remove addons.datadog",
        )


CHECKS = (datadog_has_its_key,)
