"""Azure's cloud controller manager, and the cloud node manager on every node."""

from __future__ import annotations

import json
from typing import Any

from components.addons.manifests import config_hash, manifests
from components.addons.plan import ClusterFacts, Plan
from components.addons.quantities import memory
from config.schema.stack import Settings
from config.topology import NODES_SUBNET, Topology
from config.workload_identities import CLOUD_CONTROLLER_MANAGER


def plan(cluster: ClusterFacts) -> Plan | None:
    """Its plan; it keeps every node and every instance in memory."""
    wanted = cluster.settings.addons.cloud_controller_manager
    if not wanted:
        return None
    settings = {
        **azure_config(cluster.settings, cluster.topology),
        "nodeInstanceNotFoundGracePeriodInSeconds": wanted.instance_grace_seconds,
    }
    config = json.dumps(settings, indent=2)
    values = {
        "image": cluster.images["cloud-controller-manager"],
        "node_manager_image": cluster.images["cloud-node-manager"],
        "cluster": cluster.topology.cluster,
        "tenant": cluster.settings.tenant_id,
        "client_id": cluster.client_ids[CLOUD_CONTROLLER_MANAGER.name],
        "config": config,
        "config_hash": config_hash(config),
        "memory": memory(256 + cluster.nodes_at_most // 4),
    }
    return Plan("cloud-controller-manager", manifests("cloud-controller-manager", values))


def azure_config(settings: Settings, topology: Topology) -> dict[str, Any]:
    """azure.json of whatever is built on Azure's cloud provider (azure-facts 11).

    Its identity comes from the environment, so this holds no secret and a preview knows it.
    """
    return {
        "cloud": "AzurePublicCloud",
        "tenantId": settings.tenant_id,
        "subscriptionId": settings.subscription_id,
        "location": settings.location,
        # Where it looks for VMs, and makes load balancers and their addresses.
        "resourceGroup": topology.nodes_group,
        "vnetName": topology.vnet,
        "vnetResourceGroup": topology.control_group,
        "subnetName": NODES_SUBNET,
        "securityGroupName": topology.nodes_firewall,
        "securityGroupResourceGroup": topology.control_group,
        "vmType": "vmss",
        # True of all nodes that are its own: masters are marked as not managed
        # (config/environment.py). False would list all VMs again for every node that joins.
        "disableAvailabilitySetNodes": True,
        "enableVmssFlexNodes": False,
        # No pod reaches the metadata service.
        "useInstanceMetadata": False,
        "useManagedIdentityExtension": False,
        "useFederatedWorkloadIdentityExtension": True,
        # Left out, it would be basic, which is retired.
        "loadBalancerSku": "standard",
        # By address: no write to a scale set, whose capacity is the autoscaler's.
        "loadBalancerBackendPoolConfigurationType": "nodeIP",
        "clusterServiceLoadBalancerHealthProbeMode": "shared",
        "excludeMasterFromStandardLB": True,
        # The NAT gateway is the way out.
        "disableOutboundSNAT": True,
        "maximumLoadBalancerRuleCount": 250,
        # All scale sets are listed at most once in so many seconds (azure-facts 5).
        "vmssCacheTTLInSeconds": 600,
        "vmssVirtualMachinesCacheTTLInSeconds": 600,
        "cloudProviderBackoff": True,
        "cloudProviderBackoffRetries": 6,
        "cloudProviderBackoffExponent": 1.5,
        "cloudProviderBackoffDuration": 5,
        # A third of what Resource Manager allows one identity (azure-facts 5).
        "cloudProviderRateLimit": True,
        "cloudProviderRateLimitQPS": 8,
        "cloudProviderRateLimitBucket": 80,
        "cloudProviderRateLimitQPSWrite": 3,
        "cloudProviderRateLimitBucketWrite": 60,
    }
