"""Under which names and addresses the API answers. Pure."""

from dataclasses import dataclass

from config.schema.stack import Settings
from config.topology import API_PORT, Topology

_SERVICE_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True)
class Endpoint:
    """`server`: the URL for people and CI. `names`, `addresses`: all that the API serves.

    `public_label`: DNS label of the public load balancer, None where the settings want none.
    """

    server: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    public_label: str | None


def endpoint(settings: Settings, topology: Topology) -> Endpoint:
    """The endpoint that the settings ask for, inside the network or outside."""
    addresses = (
        topology.kubernetes_service_ip,
        topology.api_address,
        # Of every master there may ever be: a new one changes nobody's certificate.
        *topology.master_candidates,
    )
    # The vault's name is the one that no other cluster on Azure has.
    label = topology.vault_name if settings.api.public else None
    public_names = (f"{label}.{settings.location}.cloudapp.azure.com",) if label else ()
    host = public_names[0] if public_names else topology.api_address
    return Endpoint(
        server=f"https://{host}:{API_PORT}",
        names=(*_SERVICE_NAMES, *public_names),
        addresses=tuple(str(address) for address in addresses),
        public_label=label,
    )
