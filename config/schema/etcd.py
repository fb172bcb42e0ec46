"""The settings of the two etcd clusters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Strict

from config.azure_limits import DATA_DISK_MAX_GIB
from config.schema.types import QUOTA_MAX_BYTES, QUOTA_MIN_BYTES, Members, Section, setting


class LearnerSettings(Section):
    size: str | None = setting(
        "VM size of the durable learner; without it, etcd.size",
        limit="a size of config/azure_limits.py",
        example="Standard_D4ds_v5",
        default=None,
    )
    disk_gib: Annotated[int, Strict()] = setting(
        "size of its own managed disk, which outlives the VM; it may grow, and the file system "
        "follows at the next boot",
        limit=f"5 times quotaBytes to {DATA_DISK_MAX_GIB:,}",
        example=64,
        default=64,
        ge=8,
        le=DATA_DISK_MAX_GIB,
    )
    disk_sku: Literal["Premium_LRS", "PremiumV2_LRS", "StandardSSD_LRS"] = setting(
        "kind of that disk; another kind, like another zone, is for a new one: take the learner "
        "away and add it again",
        limit="Premium_LRS, PremiumV2_LRS or StandardSSD_LRS",
        example="StandardSSD_LRS",
        default="Premium_LRS",
    )


class EtcdClusterSettings(Section):
    members: Members = setting(
        "keys of the members, each a VM of its own; the key decides name, address and zone",
        limit="different letters a to i; main: 3 or 5, events: 1, 3 or 5",
        example=["a", "b", "c"],
    )
    quota_bytes: Annotated[int, Strict()] = setting(
        "etcd's --quota-backend-bytes (D4); at the limit etcd accepts no write",
        limit=f"{QUOTA_MIN_BYTES:,} to {QUOTA_MAX_BYTES:,}",
        example=8 * 1024**3,
        default=8 * 1024**3,
        ge=QUOTA_MIN_BYTES,
        le=QUOTA_MAX_BYTES,
    )
    learner: LearnerSettings | None = setting(
        "one more member on a persistent disk, which follows the others without ever voting: what "
        "is restored from when all have lost their local disks",
        limit="a mapping, {} for its defaults",
        example={"size": "Standard_D4ds_v5"},
        default=None,
    )


class Etcd(Section):
    size: str = setting(
        "VM size of all etcd members; the data directory is on its local disk (D2)",
        limit="a size of config/azure_limits.py with a local disk",
        example="Standard_L8s_v4",
    )
    fsync_floor_ms: Annotated[int, Strict()] = setting(
        "the longest that 99 of 100 fsyncs of the local disk may take; on a slower disk, by fio's "
        "measure, no member begins or joins (D2)",
        limit="1 to 10,000 ms",
        example=10,
        default=10,
        ge=1,
        le=10_000,
    )
    patience_seconds: Annotated[int, Strict()] = setting(
        "how long an update waits for a member that is not healthy, before it stops with nothing "
        "deleted; an election or a restart should be over by then",
        limit="10 to 3,000 s",
        example=300,
        default=300,
        ge=10,
        le=3_000,
    )
    snapshot_minutes: Annotated[int, Strict()] = setting(
        "how often a verified snapshot of each etcd cluster goes to Blob storage, where it is kept "
        "for a day; one of each hour for 7 days, one of each day for 90",
        limit="1 to 60",
        example=15,
        default=15,
        ge=1,
        le=60,
    )
    main: EtcdClusterSettings = setting("everything but events", limit="3 or 5 members", example={})
    events: EtcdClusterSettings = setting(
        "events alone, on VMs of their own (D3)", limit="1, 3 or 5 members", example={}
    )

    @property
    def clusters(self) -> dict[str, EtcdClusterSettings]:
        """Both, by their keys."""
        return {"main": self.main, "events": self.events}
