"""Objects of the API that several tests and benchmarks make."""

from __future__ import annotations

import json

from tests.cluster.conftest import Cluster

TESTBOX = "registry.k8s.io/kilonode/testbox:1"


def pod(cluster: Cluster, name: str, node: str, image: str, *arguments: str) -> None:
    """Created on that very node, and run once; its image is pulled only if it is not there."""
    container = {"name": "it", "image": image, "imagePullPolicy": "IfNotPresent"}
    spec = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [{**container, **({"args": arguments} if arguments else {})}],
        },
    }
    cluster.kubectl("apply", "--filename=-", stdin=json.dumps(spec))


def event(cluster: Cluster, name: str) -> None:
    """Of the namespace called default, and in it."""
    default = {"kind": "Namespace", "name": "default", "namespace": "default"}
    written = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": default,
        "reason": "Test",
        "message": "written by a test",
        "type": "Normal",
    }
    cluster.kubectl("apply", "--filename=-", stdin=json.dumps(written))
