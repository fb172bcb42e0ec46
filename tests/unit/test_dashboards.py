"""Grafana's dashboards: small files that a person can read, and what comes first in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.addons import prometheus

FILES = prometheus.dashboards()
# Of one ConfigMap, as etcd keeps it.
LIMIT = 1 << 20


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_etcds_write_latency_is_the_first_panel_of_the_first_dashboard() -> None:
    """More apiservers treated a symptom; etcd's disk was the cause (D2)."""
    first = min((read(path) for path in FILES), key=lambda one: str(one["title"]))
    assert first["panels"][0]["targets"][0]["expr"] == "member:etcd_wal_fsync_seconds:p99"
    assert first["panels"][0]["gridPos"] | {"h": 0, "w": 0} == {"x": 0, "y": 0, "h": 0, "w": 0}


def test_all_of_them_fit_into_one_configmap() -> None:
    assert sum(len(path.read_bytes()) for path in FILES) < LIMIT / 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dashboard_has_a_name_of_its_own_and_no_data_source_of_somebody_elses(path: Path) -> None:
    dashboard = read(path)
    assert dashboard["uid"] == f"kilonode-{path.stem}"
    assert [one["name"] for one in dashboard["templating"]["list"]] == ["datasource"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_panel_asks_for_all_values_of_a_label(path: Path) -> None:
    """E6: Grafana's variables ask /api/v1/series, which nothing bounds."""
    assert "label_values" not in path.read_text()
