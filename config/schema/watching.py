"""The settings of what watches the cluster: Prometheus, Fluentd, Datadog."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, Strict

from config.schema.types import Section, setting

HostAndPort = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?:[0-9]{1,5}$")]


def _still_encrypted(value: Any) -> Any:
    """Who reads the stack file without Pulumi sees that there is a secret, and not which."""
    encrypted = isinstance(value, dict) and set(value) == {"secure"}
    return str(value["secure"]) if encrypted else value


# Never in a message, a log or a repr.
Secret = Annotated[SecretStr, BeforeValidator(_still_encrypted)]


class Prometheus(Section):
    retention_days: Annotated[int, Strict()] = setting(
        "how long Prometheus keeps what it scraped, unless storageGib is used up before",
        limit="1 to 365",
        example=30,
        default=15,
        ge=1,
        le=365,
    )
    storage_gib: Annotated[int, Strict()] = setting(
        "room for its data and its log; it drops the oldest data before that is full",
        limit="1 to 4,096",
        example=200,
        default=100,
        ge=1,
        le=4096,
    )
    storage_class: str | None = setting(
        "StorageClass of a volume for its data; without it, the data is on the node's local disk, "
        "which is faster and ends with the pod",
        limit="the name of a StorageClass of the cluster; addons.azureDisk makes one for each of "
        "its skus, named as that is, in lower case with a hyphen",
        example="standardssd-lrs",
        default=None,
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$",
    )
    millicores: Annotated[int, Strict()] = setting(
        "CPU that is kept for it; it may use all that its node has (E6)",
        limit="10 to 64,000; what a node that runs add-ons has for one pod",
        example=1000,
        default=4000,
        ge=10,
        le=64000,
    )
    memory_mib: Annotated[int, Strict()] = setting(
        "memory that is kept for it, and the most it may use; about 1,500 for every 250 nodes",
        limit="256 to 262,144; what a node that runs add-ons has for one pod",
        example=4096,
        default=16384,
        ge=256,
        le=262144,
    )
    alertmanagers: tuple[HostAndPort, ...] = setting(
        "where it sends alerts: Alertmanagers, as host:port, asked by HTTP",
        limit="any number of host:port",
        example=["alertmanager.monitoring.svc:9093"],
        default=(),
    )


class Fluentd(Section):
    forward_to: HostAndPort = setting(
        "the receiver of all containers' logs, as host:port, by Fluentd's own protocol",
        limit="host:port",
        example="logs.example.com:24224",
    )
    tls: Annotated[bool, Strict()] = setting(
        "whether the receiver is reached by TLS, with a certificate of a public authority",
        limit="true or false",
        example=False,
        default=True,
    )
    buffer_mib: Annotated[int, Strict()] = setting(
        "room on each node's local disk for what waits while the receiver is away; the oldest "
        "goes first",
        limit="64 to 65,536",
        example=4096,
        default=2048,
        ge=64,
        le=65536,
    )


class Datadog(Section):
    site: str = setting(
        "Datadog's site that the account is on",
        limit="a domain",
        example="datadoghq.eu",
        default="datadoghq.com",
        pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
    )
    events: Annotated[bool, Strict()] = setting(
        "whether the cluster agent, alone, sends the cluster's events to Datadog",
        limit="true or false",
        example=True,
        default=False,
    )
