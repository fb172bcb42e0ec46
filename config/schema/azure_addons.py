"""The settings of the add-ons that act on Azure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from config.schema.types import Count, Positive, Section, setting

Percent = Annotated[int, Strict(), Field(ge=1, le=100)]


class CloudControllerManager(Section):
    instance_grace_seconds: Annotated[int, Strict()] = setting(
        "how long a node that has just joined is kept although Azure does not list its VM yet; "
        "later, a node without a VM is removed at once",
        limit="60 to 3,600 s",
        example=900,
        default=600,
        ge=60,
        le=3600,
    )


class ClusterAutoscaler(Section):
    max_unready_percent: Percent = setting(
        "the brake (D5): with more unready nodes than this, it neither adds nor removes any",
        limit="1 to 100",
        example=25,
        default=50,
    )
    ok_unready_nodes: Count = setting(
        "unready nodes that never pull the brake, whatever their share",
        limit="0 or more; below maxUnreadyPercent of all nodes that there may be",
        example=25,
        default=3,
    )
    max_nodes: Positive | None = setting(
        "the most nodes and masters that it may bring the cluster to; without it, all maxNodes of "
        "the pools' scale sets and the masters",
        limit="at least the nodes and masters at creation",
        example=2503,
        default=None,
    )
    max_cores: Positive | None = setting(
        "the most vCPUs of all nodes and masters; without it, those of maxNodes",
        limit="at least those at creation",
        example=50_000,
        default=None,
    )
    max_memory_gib: Positive | None = setting(
        "the most memory of all nodes and masters; without it, that of maxNodes",
        limit="at least that at creation",
        example=400_000,
        default=None,
    )
    expander: Literal["least-waste", "least-nodes", "most-pods", "random"] = setting(
        "which of several pools grows for a pod that fits all of them",
        limit="least-waste, least-nodes, most-pods or random",
        example="least-nodes",
        default="least-waste",
    )
    scan_seconds: Annotated[int, Strict()] = setting(
        "pause between two looks at the cluster; a look at thousands of nodes takes seconds itself",
        limit="10 to 300",
        example=20,
        default=10,
        ge=10,
        le=300,
    )
    unneeded_minutes: Positive = setting(
        "how long a node has to be idle before it goes", limit="1 or more", example=5, default=10
    )
    delay_after_add_minutes: Count = setting(
        "how long after nodes were added none is removed", limit="0 or more", example=5, default=10
    )
    provision_minutes: Annotated[int, Strict()] = setting(
        "how long a machine may take to become a node, a GPU's driver included, before it is "
        "replaced",
        limit="5 to 60",
        example=30,
        default=25,
        ge=5,
        le=60,
    )


DiskSku = Literal["StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS"]


class AzureDisk(Section):
    skus: Annotated[tuple[DiskSku, ...], Field(min_length=1)] = setting(
        "kinds of managed disk that volumes are made of, each with a StorageClass; the first is "
        "the default",
        limit="different ones of StandardSSD_LRS, StandardSSD_ZRS; Premium_LRS or Premium_ZRS if "
        "every pool that ordinary pods run on has a size with premium storage",
        example=["Premium_LRS", "StandardSSD_LRS"],
        default=("StandardSSD_LRS",),
    )

    @property
    def classes(self) -> dict[str, DiskSku]:
        """The StorageClasses: kinds of disk by name, the default first."""
        return {sku.lower().replace("_", "-"): sku for sku in self.skus}
