"""What the machines themselves think of the files they were given."""

from __future__ import annotations

import pytest

from tests.cluster.conftest import Cluster

ROLES = ("etcd", "events", "master", "cpu")
# The image masks what a container has no use for; systemd tells of every mask it meets.
MASKED_BY_THE_IMAGE = " is masked."


@pytest.mark.parametrize("role", ROLES)
def test_every_unit_passes_systemds_own_check(cluster: Cluster, role: str) -> None:
    """systemd-analyze exits 0 on keys it does not know, so its output has to be empty."""
    machine = cluster.machines(role)[0]
    # Masks are links; what is checked are files.
    shown = cluster.on(
        machine, "find", "/etc/systemd/system", "-maxdepth", "1", "-type", "f", "-printf", "%f\n"
    )
    units = shown.split()
    assert "kilonode.target" in units
    command = f"cd /etc/systemd/system && systemd-analyze verify {' '.join(units)} 2>&1"
    findings = [
        line
        for line in cluster.on(machine, "sh", "-c", command).splitlines()
        if not line.endswith(MASKED_BY_THE_IMAGE)
    ]
    assert not findings


@pytest.mark.parametrize("role", ROLES)
def test_the_images_cloud_init_accepts_the_user_data(cluster: Cluster, role: str) -> None:
    machine = cluster.machines(role)[0]
    file = "/var/lib/cloud/instance/user-data.txt"
    assert "Valid" in cluster.on(machine, "cloud-init", "schema", "--config-file", file)


@pytest.mark.parametrize("role", ROLES)
def test_no_unit_has_failed(cluster: Cluster, role: str) -> None:
    for machine in cluster.machines(role):
        assert not cluster.on(machine, "systemctl", "--failed", "--plain", "--no-legend")
