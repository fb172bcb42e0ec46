"""Rules of Prometheus under promtool: series minute by minute, and what fires then."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from toolchain import spec
from toolchain.ensure import Toolchain
from toolchain.options import Options

FOLDER = Path(__file__).parents[2] / "config/monitoring"


@dataclass(frozen=True)
class Case:
    """Series, with their value at every minute, that make an alert fire or leave it quiet.

    `since`: minutes until that is so.
    """

    fires: Mapping[str, str]
    quiet: tuple[Mapping[str, str], ...]
    since: int = 0


@cache
def promtool_path() -> str:
    return str(Toolchain(spec.load(), Options.from_environment()).folders("test").bin / "promtool")


def rules(kind: str) -> dict[str, tuple[Path, Mapping[str, Any]]]:
    """Every rule of a kind, `alert` or `record`: its file and itself, by name."""
    return {
        rule[kind]: (path, rule)
        for path in sorted(FOLDER.glob("*.rules.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if kind in rule
    }


def minutes(duration: str) -> int:
    return int(duration[:-1]) * {"m": 1, "h": 60}[duration[-1]]


def check(
    folder: Path,
    rule: Mapping[str, Any],
    series: Mapping[str, str],
    firing: Mapping[int, bool],
) -> None:
    """`firing`: by minute, whether the alert does, with all labels that its summary names."""
    named = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
    labels = "".join(f',{name}=~".+"' for name in named)
    expression = (
        f'count(ALERTS{{alertname="{rule["alert"]}",alertstate="firing"{labels}}}) > bool 0'
    )
    test = {
        # All, since rules build on what other files record.
        "rule_files": [str(path) for path in sorted(FOLDER.glob("*.rules.yaml"))],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": key, "values": value} for key, value in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f"{expression} or vector(0)",
                        "eval_time": f"{minute}m",
                        "exp_samples": [{"labels": "{}", "value": int(fires)}],
                    }
                    for minute, fires in firing.items()
                ],
            }
        ],
    }
    written = folder / "test.yaml"
    written.write_text(json.dumps(test))
    done = subprocess.run(
        [promtool_path(), "test", "rules", written], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
