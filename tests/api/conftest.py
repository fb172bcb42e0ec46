"""A real apiserver with our flags and files, over real etcd, on loopback and without root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.control_plane import Api, ControlPlane


@pytest.fixture(scope="session")
def control_plane(
    programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """etcd, apiserver and manifests of the stack prod; a controller-manager, too."""
    made = ControlPlane(tmp_path_factory.mktemp("control-plane"), programs)
    try:
        made.start("kube-controller-manager")
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Api:
    """The administrator's access, by the stack's output `kubeconfig`."""
    return control_plane.api


@pytest.fixture(scope="session")
def node(control_plane: ControlPlane) -> Api:
    """A kubelet's."""
    return control_plane.user("system:node:cpu-a-000000", "system:nodes")


@pytest.fixture(scope="session")
def somebody(control_plane: ControlPlane) -> Api:
    """An ordinary user's, without any right."""
    return control_plane.user("somebody")


@pytest.fixture(scope="session")
def break_glass(control_plane: ControlPlane) -> Api:
    """That of system:masters, by the stack's output `break_glass_kubeconfig`."""
    return control_plane.break_glass
