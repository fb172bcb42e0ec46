"""The project with other settings, for a `make up` that changes the cluster."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.cluster.conftest import TOP


def with_main_etcd(folder: Path, **settings: object) -> Path:
    """A copy below `folder` whose main etcd cluster has these settings."""
    top = folder / "project"
    shutil.copytree(TOP, top, ignore=shutil.ignore_patterns(".git"))
    file = top / "Pulumi.local.yaml"
    stack = yaml.safe_load(file.read_text())
    stack["config"]["kilonode:etcd"]["main"] |= settings
    file.write_text(yaml.safe_dump(stack))
    return top
