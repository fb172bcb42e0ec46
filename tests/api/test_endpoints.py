"""E4: a service's addresses are in EndpointSlices; what writes Endpoints is off, but for one."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.api.control_plane import Api, eventually


def created(api: Api, kind: str, name: str, version: str = "v1", **content: Any) -> None:
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content}
    api.kubectl("create", "--filename=-", stdin=json.dumps(manifest))


def test_a_services_pods_are_in_slices_and_in_nothing_else(api: Api) -> None:
    created(api, "Service", "sliced", spec={"selector": {"app": "sliced"}, "ports": [{"port": 80}]})
    slices = ("endpointslices", "--selector=kubernetes.io/service-name=sliced")
    eventually(lambda: api.get(*slices)["items"], "the service has a slice")
    # Its controller has had the time that the slices' one had, in the same program.
    assert names(api) == {"kubernetes"}


def test_endpoints_of_a_persons_own_are_not_mirrored(api: Api) -> None:
    """Whoever has addresses outside of the cluster writes the slice."""
    created(api, "Service", "outside", spec={"ports": [{"port": 80}]})
    created(
        api,
        "Endpoints",
        "outside",
        subsets=[{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}],
    )
    created(api, "Service", "later", spec={"selector": {"app": "later"}, "ports": [{"port": 80}]})
    eventually(
        lambda: api.get("endpointslices", "--selector=kubernetes.io/service-name=later")["items"],
        "a service that came later has a slice",
    )
    of_ours = api.get("endpointslices", "--selector=kubernetes.io/service-name=outside")
    assert not of_ours["items"]
    api.kubectl("delete", "endpoints/outside")


def test_the_control_planes_own_service_has_a_slice(api: Api) -> None:
    """The apiserver writes it, and Endpoints of the same name: one object for all masters."""

    def addresses() -> list[str]:
        try:
            found = api.get("endpointslices/kubernetes")["endpoints"]
        except subprocess.CalledProcessError:
            return []
        return [address for one in found for address in one["addresses"]]

    eventually(lambda: addresses() == ["192.0.2.10"], "the masters' slice")


def names(api: Api) -> set[str]:
    return {one["metadata"]["name"] for one in api.get("endpoints", "--all-namespaces")["items"]}
