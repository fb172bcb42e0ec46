"""What watches the cluster."""

from __future__ import annotations

from config.checks import watching
from tests.unit.refusals import Row

# Too small for Prometheus' defaults, which are for thousands of nodes.
SMALL = {"nodePools.cpu.size": "Standard_D4ds_v5"}
DEFAULTS = {**SMALL, "addons.prometheus": {}}
TAINTED = {
    "size": "Standard_E20ds_v5",
    "scaleSets": {"a": {"nodes": 1, "maxNodes": 1}},
    "taints": ["team=a:NoSchedule"],
}
FITS = "set it to 12996 or less, or give such a pool a larger size"

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
    "a Prometheus with more memory than a node has": Row(
        watching.prometheus_fits_a_node,
        DEFAULTS,
        "addons.prometheus.memoryMib",
        ["= 16384; ", "limit: 12,996, what Standard_D4ds_v5 has for one pod", FITS],
    ),
    "a Prometheus with more CPU than a node has": Row(
        watching.prometheus_fits_a_node,
        DEFAULTS,
        "addons.prometheus.millicores",
        ["= 4000; ", "limit: 3,420, what Standard_D4ds_v5 has for one pod"],
    ),
    "a Prometheus that fits on nodes that take no add-ons alone": Row(
        watching.prometheus_fits_a_node,
        {**DEFAULTS, "nodePools.big": TAINTED},
        "addons.prometheus.memoryMib",
        [FITS],
    ),
    "a Prometheus that fits on nodes alone that nobody creates": Row(
        watching.prometheus_fits_a_node,
        {**DEFAULTS, "nodePools.cpu.scaleSets.b.size": "Standard_E20ds_v5"},
        "addons.prometheus.memoryMib",
        [FITS],
    ),
    "a Prometheus larger than any machine": Row(
        watching.prometheus_fits_a_node,
        {"addons.prometheus": {"memoryMib": 262144}},
        "addons.prometheus.memoryMib",
        ["= 262144; ", "what Standard_D16ds_v5 has for one pod"],
    ),
}
