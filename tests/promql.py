"""A running Prometheus, asked about what this repository's rules and dashboards ask it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

FOLDER = Path(__file__).parents[1] / "config/monitoring"


@dataclass(frozen=True, order=True)
class Selector:
    """A metric, and the jobs whose series are meant; none where a rule records it."""

    metric: str
    jobs: tuple[str, ...]


@dataclass(frozen=True)
class Prometheus:
    """`fetch`: the answer at a path below /api/v1/, without a check of its status."""

    fetch: Callable[[str], bytes]

    def get(self, path: str, **parameters: str) -> Any:
        """The answer's data. Raises AssertionError with what Prometheus says instead."""
        answer = json.loads(self.fetch(f"{path}?{urlencode(parameters)}" if parameters else path))
        assert answer["status"] == "success", f"{path} {parameters}: {answer.get('error')}"
        return answer["data"]

    def query(self, expression: str) -> list[Any]:
        """The series of an expression that gives a vector, or a scalar as one."""
        result: list[Any] = self.get("query", query=expression)["result"]
        return result

    def targets(self) -> dict[str, list[Any]]:
        """Active targets by job."""
        found: dict[str, list[Any]] = {}
        for one in self.get("targets", state="active")["activeTargets"]:
            found.setdefault(one["labels"]["job"], []).append(one)
        return found

    def rules(self) -> list[Any]:
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def selectors(self, expression: str) -> set[Selector]:
        """What an expression reads, by Prometheus' own parser."""
        return set(_selectors(self.get("parse_query", query=expression)))


def rules() -> list[dict[str, Any]]:
    """All of config/monitoring's."""
    return [
        rule
        for path in sorted(FOLDER.glob("*.rules.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def dashboard_queries() -> dict[str, str]:
    """Expressions by the dashboard, panel and letter that they stand in."""
    return {
        f"{path.stem}: {panel['title']} {target['refId']}": target["expr"]
        for path in sorted((FOLDER / "dashboards").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    }


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def _selectors(node: Any) -> Iterator[Selector]:
    if isinstance(node, list):
        for one in node:
            yield from _selectors(one)
    if isinstance(node, dict):
        if node.get("type") in ("vectorSelector", "matrixSelector") and node.get("name"):
            jobs = [one["value"] for one in node["matchers"] if one["name"] == "job"]
            yield Selector(node["name"], tuple(jobs[0].split("|")) if jobs else ())
        for value in node.values():
            yield from _selectors(value)
