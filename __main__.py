"""Kilonode: one stack, one cluster."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from components.cluster import Cluster, ClusterArgs
from config.environment import machine_user_data
from config.images import images
from config.settings import (
    Settings,
    SettingsError,
    load,
    notes,
    raw_settings,
    unbuildable,
    warnings,
)
from config.topology import topology


def stack_settings() -> Settings:
    """The stack's settings. The whole configuration is read: an unknown key is a mistake too."""
    try:
        return load(raw_settings({**get_config_env(), **CONFIG.get()}))
    except SettingsError as error:
        # Said as it is, without a traceback that would bury it.
        raise pulumi.RunError(str(error)) from None


def main() -> None:
    settings = stack_settings()
    for warning in warnings(settings):
        pulumi.log.warn(warning)
    for note in notes(settings):
        pulumi.log.info(note)
    if not pulumi.runtime.is_dry_run() and (reasons := unbuildable(settings)):
        raise pulumi.RunError("; ".join(reasons))
    cluster_topology = topology(settings)
    cluster = Cluster(
        cluster_topology.cluster,
        ClusterArgs(
            settings=settings,
            topology=cluster_topology,
            user_data={
                one.name: machine_user_data(settings, cluster_topology, one)
                for one in cluster_topology.machines
            },
            images=images(settings),
        ),
    )
    pulumi.export("kubeconfig", cluster.kubeconfig)
    pulumi.export("break_glass_kubeconfig", cluster.break_glass)
    pulumi.export("api_server", cluster.api_server)
    # An update in a certificate's last quarter renews it; without one, all ends on this day.
    pulumi.export("certificates_valid_until", cluster.certificates_valid_until)
    pulumi.export("api_address", str(cluster_topology.api_address))
    pulumi.export("vault_name", cluster_topology.vault_name)
    pulumi.export("storage_account", cluster_topology.storage_account)


main()
