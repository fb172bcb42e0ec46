"""A machine that lacks its preloaded images is alerted, after its time (D15)."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from kilonode import images

from tests.monitoring.promtool import promtool_path

TOP = Path(__file__).parents[2]
RULES = TOP / "config/monitoring/images.rules.yaml"
ALERTS = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
}
# Alert -> the metric, and the minute after which it fires.
CASES = {
    "PauseImageMissing": (images.KINDS["pause"].metric, 10),
    "PreloadedImagesMissing": (images.KINDS["pool"].metric, 60),
}


def series_of(metric: str) -> str:
    return f'{metric}{{instance="n",job="node-machine"}}'


def test_every_alert_has_a_case() -> None:
    assert set(CASES) == set(ALERTS)


@pytest.mark.parametrize("alert", CASES)
@pytest.mark.parametrize(
    ("series", "fires"), [("2x200", True), ("0x200", False), ("2x3 0x200", False)]
)
def test_the_alert_fires_for_what_stays_missing(
    alert: str, series: str, fires: bool, tmp_path: Path
) -> None:
    metric, due = CASES[alert]
    labels = {"alertname": alert, "instance": "n", "job": "node-machine", **ALERTS[alert]["labels"]}
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series_of(metric), "values": series}],
                "alert_rule_test": [
                    {"eval_time": f"{due - 1}m", "alertname": alert, "exp_alerts": []},
                    {
                        "eval_time": f"{due + 2}m",
                        "alertname": alert,
                        "exp_alerts": [
                            {
                                "exp_labels": labels,
                                "exp_annotations": {
                                    key: text.replace("{{ $labels.instance }}", "n").replace(
                                        "{{ $value }}", "2"
                                    )
                                    for key, text in ALERTS[alert]["annotations"].items()
                                },
                            }
                        ]
                        if fires
                        else [],
                    },
                ],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps(test))
    done = subprocess.run([promtool_path(), "test", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_the_alert_says_where_to_read_on(alert: str) -> None:
    file, _, section = ALERTS[alert]["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (TOP / file).read_text(), re.MULTILINE)
    assert section in [heading.lower() for heading in headings]
