"""The size table agrees with itself and with what Azure allows."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from config.azure_limits import SIZES, Size, usable_addresses

ALL = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())


@ALL
def test_a_size_has_local_disks_of_a_size_or_none(size: Size) -> None:
    assert (size.disk_kind is not None) == (size.disk_count > 0) == (size.disk_gib > 0)


@ALL
def test_the_image_boots_on_the_size(size: Size) -> None:
    generation = 2 if size.image_sku == "server" else 1
    assert generation in size.generations


@ALL
def test_an_nvme_disk_controller_needs_generation_2(size: Size) -> None:
    assert size.disk_controller == "SCSI" or size.generations == (2,)


@ALL
def test_premium_disks_only_where_the_size_takes_them(size: Size) -> None:
    assert size.os_disk_type == ("Premium_LRS" if size.premium else "StandardSSD_LRS")


@ALL
def test_a_size_that_goes_has_a_substitute_that_stays_and_has_a_local_disk(size: Size) -> None:
    if size.retirement:
        assert size.substitute
        stand_in = SIZES[size.substitute]
        assert stand_in.retirement is None
        assert stand_in.disk_kind == size.disk_kind
        assert stand_in.gpus == size.gpus
    else:
        assert size.substitute is None


def test_the_documents_sizes_are_generation_1_without_premium_disks() -> None:
    for name in ("Standard_D15_v2", "Standard_NC24"):
        assert SIZES[name].image_sku == "server-gen1"
        assert SIZES[name].os_disk_type == "StandardSSD_LRS"
    assert SIZES["Standard_NC24"].retired
    assert not SIZES["Standard_D15_v2"].retired


def test_azure_keeps_five_addresses_of_every_subnet() -> None:
    assert usable_addresses(IPv4Network("10.0.0.0/24")) == 251
    assert usable_addresses(IPv4Network("10.0.0.0/30")) == 0
