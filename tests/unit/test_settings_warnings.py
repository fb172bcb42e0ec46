"""What is built all the same, with a word about it."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import notes, warnings
from tests.unit.refusals.azure_addons import CLOUD
from tests.unit.settings_samples import settings

WARNED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a retired size names the size that stands in for it": (
        {"retiredSizes": "substitute", "nodePools.cpu.size": "Standard_NC24"},
        ["nodePools.cpu.size", "Standard_NC24", "2023-09-06", "Standard_NC64as_T4_v3 stands in"],
    ),
    "a retiring size names the day": (
        {"nodePools.cpu.size": "Standard_D15_v2"},
        ["nodePools.cpu.size", "2028-05-01", "Standard_E20ds_v5 comes closest"],
    ),
    "more than five masters name the figures to look at first": (
        {"masters.members": list("abcdef")},
        ["6 masters", "write latency", "LIST", "429 and 5xx"],
    ),
    "a single events member says what it costs": (
        {"etcd.events.members": ["a"]},
        ["etcd.events.members", "no events"],
    ),
    "an artifact without a checksum says how to get one": (
        {"artifacts.checksums": {"flannel": "f" * 64}},
        ["artifacts.checksums: none for cri-dockerd,", "make mirror"],
    ),
    "a class of disks that the cluster does not make names those that it makes": (
        {
            **CLOUD,
            "addons.azureDisk": {"skus": ["Premium_LRS", "StandardSSD_LRS"]},
            "addons.prometheus": {"storageClass": "managed-premium"},
        },
        ["storageClass: managed-premium is none", "(premium-lrs, standardssd-lrs)"],
    ),
    "a class of disks that somebody else has to make is told": (
        {"addons.prometheus": {"storageClass": "fast"}},
        ["storageClass: fast is none", "(it is off)"],
    ),
    "two zones say what the loss of one takes": (
        {"zones": ["1", "2"]},
        ["kilonode:zones", "only 1, 2", "quorum"],
    ),
    "masters too small for their nodes' share of the heap name the size to take": (
        {"masters.size": "Standard_D2ds_v5", "nodePools.cpu.scaleSets.b.maxNodes": 300},
        ["masters.size: Standard_D2ds_v5 has 8 GiB", "500 nodes", "5 GiB (E2)", "9 GiB or more"],
    ),
    "no zones say what may happen": ({"zones": []}, ["kilonode:zones", "the quorum"]),
    "an API that is open to all says so": (
        {"api": {"public": {"allowedRanges": ["0.0.0.0/0"]}}},
        ["api.public.allowedRanges", "whole internet"],
    ),
}


@pytest.mark.parametrize(("changes", "parts"), WARNED.values(), ids=WARNED.keys())
def test_warning(changes: dict[str, Any], parts: list[str]) -> None:
    (text,) = warnings(settings(changes))
    for part in parts:
        assert part in text


def test_ordinary_settings_give_no_warning() -> None:
    assert warnings(settings()) == []


def test_more_nodes_than_a_region_lets_a_subscription_have_are_told() -> None:
    sets = {f"a{number}": {"nodes": 1, "maxNodes": 1000} for number in range(26)}
    ranges = {
        "network.cidr": "10.0.0.0/10",
        "network.subnets.nodes": "10.32.0.0/11",
        "network.podCidr": "10.64.0.0/10",
        "network.serviceCidr": "10.128.0.0/16",
        "network.nodePodPrefix": 25,
    }
    heap, region = warnings(settings({**ranges, "nodePools.cpu.scaleSets": sets}))
    assert "(E2)" in heap
    assert "26,000 nodes; a subscription has 25,000 VMs" in region


def test_the_quota_to_ask_for_is_told_by_size() -> None:
    """Azure refuses the machine that is one too many in the middle of an update."""
    text, _ = notes(settings())
    assert text == (
        "vCPU quota in westeurope for all maxNodes: 6,508 "
        "(Standard_L8s_v4 48, Standard_E20ds_v5 60, Standard_D16ds_v5 6,400)"
    )


def test_a_cluster_without_a_mirror_is_told_that_each_machine_pulls_its_pause_image_d15() -> None:
    _, text = notes(settings())
    assert "artifacts.mirror: none" in text
    assert "registry.k8s.io/pause:" in text
    assert len(notes(settings({"artifacts.mirror": "https://m.example.com"}))) == 1
