"""Which version of etcd can join a cluster: its machines go by it, and masters before they let one
of these be deleted."""

from __future__ import annotations


def fits(own: str, cluster: str) -> bool:
    """etcd goes up one minor version at a time, and a cluster never goes down.

    As in 3.6.14. Raises ValueError, also while the cluster has not decided on its version.
    """
    (major, minor), (cluster_major, cluster_minor) = _minor(own), _minor(cluster)
    return major == cluster_major and cluster_minor <= minor <= cluster_minor + 1


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
