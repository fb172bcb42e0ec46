"""Prometheus' own check of the configuration that the program renders for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.monitoring.promtool import promtool_path
from tests.unit.settings_samples import settings
from tests.unit.test_prometheus import files, of


def test_prometheus_accepts_what_the_program_renders(tmp_path: Path) -> None:
    cluster = of(settings({"addons.prometheus": {"alertmanagers": ["alerts.example.com:9093"]}}))
    for name, text in files(cluster).items():
        (tmp_path / name).write_text(text.replace("/etc/prometheus/", f"{tmp_path}/"))
    # The files of a pod's own account are there only in a pod.
    config = tmp_path / "prometheus.yaml"
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    config.write_text(config.read_text().replace(account, str(tmp_path)))
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("")
    done = subprocess.run(
        [promtool_path(), "check", "config", "--lint-fatal", "--lint=all", config],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
