"""The resource types that the program uses: one row each, with the fields that it sends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from config.azure_limits import (
    COMPUTER_NAME_PREFIX_MAX_LENGTH,
    LOAD_BALANCER_IDLE_MINUTES,
    NAT_MAX_ADDRESSES,
    PROBE_MIN_INTERVAL_SECONDS,
    SCALE_SET_MAX_INSTANCES,
    SECRET_MAX_BYTES,
    STORAGE_ACCOUNT_NAME_MAX_LENGTH,
    VAULT_NAME_MAX_LENGTH,
)
from local_azure.arm.shapes import Properties, Shape, parse

GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
NETWORK = GROUP + "/providers/Microsoft.Network"
COMPUTE = GROUP + "/providers/Microsoft.Compute"
IDENTITY = GROUP + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
VAULT = GROUP + "/providers/Microsoft.KeyVault/vaults/{vaultName}"
ACCOUNT = GROUP + "/providers/Microsoft.Storage/storageAccounts/{accountName}"

GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
NETWORK_NAME = r"[a-zA-Z0-9]([\w.-]{0,78}\w)?"
COMPUTE_NAME = r"[a-zA-Z0-9]([\w.-]{0,62}\w)?"

IDLE = "idleTimeoutInMinutes({}..{})".format(*LOAD_BALANCER_IDLE_MINUTES)
POOLS = "loadBalancerBackendAddressPools{id!@network:LoadBalancer.backendAddressPools}"
# The SDK sends these with every subnet, and with every reference to one.
POLICIES = "privateEndpointNetworkPolicies(Disabled) privateLinkServiceNetworkPolicies(Enabled)"
SUBNET = f"subnet{{id!@network:Subnet {POLICIES}}}"
# What a VM and the profile of a scale set have in common.
ATTACHED = """identity!{type(UserAssigned)!
    userAssignedIdentities!@managedidentity:UserAssignedIdentity}"""
PROFILE = """securityProfile{securityType= uefiSettings{secureBootEnabled vTpmEnabled}}
    diagnosticsProfile{bootDiagnostics{enabled}}"""
LINUX = """adminUsername=! linuxConfiguration{disablePasswordAuthentication provisionVMAgent
    ssh={publicKeys{path keyData}}}"""
IMAGE = "{publisher! offer! sku! version!}"
OS_DISK = """osDisk!{createOption(FromImage)! caching deleteOption
    diffDiskSettings={option(Local)!} managedDisk{storageAccountType=}}"""


@dataclass(frozen=True)
class Kind:
    """A resource type.

    path: its ARM id, with input names in braces. name: what its own name must match, or Azure
    answers bad_name. in_use: the code that refuses its deletion while another resource refers to
    it, "" where Azure allows that.
    """

    type: str
    path: str
    name: str
    body: str
    bad_name: str = "InvalidResourceName"
    in_use: str = ""

    @cached_property
    def parameters(self) -> list[str]:
        """Inputs that make up the id."""
        return [name for name in re.findall(r"{(\w+)}", self.path) if name != "subscriptionId"]

    @cached_property
    def shape(self) -> Shape:
        return parse(" ".join(f"{name}!^" for name in self.parameters) + " " + self.body)

    @property
    def arm_type(self) -> str:
        """As Azure writes it: Microsoft.Compute/virtualMachines/runCommands."""
        _, found, provider = self.path.rpartition("/providers/")
        namespace, *rest = (
            provider.split("/") if found else ["Microsoft.Resources", "resourceGroups"]
        )
        return "/".join([namespace, *rest[::2]])

    def id(self, subscription: str, inputs: Properties) -> str:
        return self.path.format_map({"subscriptionId": subscription} | inputs).replace("//", "/")


_ROWS = (
    Kind(
        "resources:ResourceGroup",
        GROUP,
        r"[-\w.()]{0,89}[-\w()]",
        "location!^",
        bad_name="InvalidResourceGroup",
    ),
    Kind(
        "network:VirtualNetwork",
        NETWORK + "/virtualNetworks/{virtualNetworkName}",
        r"[a-zA-Z0-9][\w.-]{0,62}\w",
        """location!^ addressSpace!{addressPrefixes!} enableDdosProtection(False)
        enableVmProtection(False)""",
    ),
    Kind(
        "network:Subnet",
        NETWORK + "/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}",
        NETWORK_NAME,
        f"""addressPrefix! defaultOutboundAccess natGateway{{id!@network:NatGateway}}
        networkSecurityGroup{{id!@network:NetworkSecurityGroup}} {POLICIES}""",
        in_use="InUseSubnetCannotBeDeleted",
    ),
    Kind(
        "network:NetworkSecurityGroup",
        NETWORK + "/networkSecurityGroups/{networkSecurityGroupName}",
        NETWORK_NAME,
        """location!^ securityRules{name! priority! direction! access! protocol! sourcePortRange
        sourceAddressPrefix sourceAddressPrefixes destinationAddressPrefix
        destinationPortRange destinationPortRanges}""",
        in_use="InUseNetworkSecurityGroupCannotBeDeleted",
    ),
    Kind(
        "network:PublicIPAddress",
        NETWORK + "/publicIPAddresses/{publicIpAddressName}",
        NETWORK_NAME,
        """location!^ sku!^{name(Standard)!} publicIPAllocationMethod(Static)! zones=
        dnsSettings{domainNameLabel}""",
        in_use="PublicIPAddressCannotBeDeleted",
    ),
    Kind(
        "network:NatGateway",
        NETWORK + "/natGateways/{natGatewayName}",
        NETWORK_NAME,
        f"""location!^ sku!{{name(Standard)!}} idleTimeoutInMinutes
        publicIpAddresses(0..{NAT_MAX_ADDRESSES}){{id!@network:PublicIPAddress}}""",
        in_use="InUseNatGatewayCannotBeDeleted",
    ),
    Kind(
        "network:LoadBalancer",
        NETWORK + "/loadBalancers/{loadBalancerName}",
        NETWORK_NAME,
        f"""location!^ sku!{{name(Standard)!}} backendAddressPools{{name!}}
        frontendIPConfigurations!{{name! zones privateIPAddress
          privateIPAllocationMethod(Static) {SUBNET}
          publicIPAddress{{id!@network:PublicIPAddress}}}}
        probes{{name! protocol(Http,Https,Tcp)! port! requestPath probeThreshold
          intervalInSeconds({PROBE_MIN_INTERVAL_SECONDS}..)}}
        loadBalancingRules{{name! protocol(Tcp,Udp)! frontendPort! backendPort! {IDLE}
          enableTcpReset disableOutboundSnat frontendIPConfiguration!{{id!}}
          backendAddressPool!{{id!}} probe{{id!}}}}""",
    ),
    Kind(
        "network:NetworkInterface",
        NETWORK + "/networkInterfaces/{networkInterfaceName}",
        NETWORK_NAME,
        f"""location!^ enableAcceleratedNetworking ipConfigurations!{{name! primary
          privateIPAddress privateIPAllocationMethod(Static) {SUBNET} {POOLS}}}""",
        in_use="NicInUse",
    ),
    Kind(
        "managedidentity:UserAssignedIdentity", IDENTITY, r"[a-zA-Z0-9][-\w]{2,127}", "location!^"
    ),
    Kind(
        "keyvault:Vault",
        VAULT,
        rf"(?=.{{3,{VAULT_NAME_MAX_LENGTH}}}$)[a-zA-Z](-?[a-zA-Z0-9])*",
        """location!^ properties!{tenantId! sku!{family(A)! name(standard)!}
        enableRbacAuthorization(True)! enableSoftDelete(True) softDeleteRetentionInDays
        enabledForDeployment(False) enabledForDiskEncryption(False)
        enabledForTemplateDeployment(False) publicNetworkAccess}""",
        bad_name="VaultNameNotValid",
    ),
    Kind(
        "keyvault:Secret",
        VAULT + "/secrets/{secretName}",
        r"[a-zA-Z0-9-]{1,127}",
        f"properties!{{value(1..{SECRET_MAX_BYTES})!~ contentType}}",
        bad_name="BadParameter",
    ),
    Kind(
        "storage:StorageAccount",
        ACCOUNT,
        rf"[a-z0-9]{{3,{STORAGE_ACCOUNT_NAME_MAX_LENGTH}}}",
        """location!^ kind(StorageV2)! sku!{name!} minimumTlsVersion enableHttpsTrafficOnly
        allowBlobPublicAccess allowSharedKeyAccess""",
        bad_name="AccountNameInvalid",
    ),
    Kind(
        "storage:BlobContainer",
        ACCOUNT + "/blobServices/default/containers/{containerName}",
        r"(?=.{3,63}$)[a-z0-9](-?[a-z0-9])*",
        "publicAccess(None)",
    ),
    Kind(
        "authorization:RoleAssignment",
        "/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        GUID,
        "principalId!^ roleDefinitionId!= principalType(ServicePrincipal)",
        bad_name="InvalidRoleAssignmentId",
    ),
    Kind(
        "compute:VirtualMachine",
        COMPUTE + "/virtualMachines/{vmName}",
        COMPUTE_NAME,
        f"""location!^ zones= hardwareProfile!{{vmSize!}} {ATTACHED} {PROFILE}
        osProfile!{{computerName=! customData=~ {LINUX}}}
        storageProfile!{{imageReference=!{IMAGE} {OS_DISK}}}
        networkProfile!{{networkInterfaces!{{id!@network:NetworkInterface primary deleteOption}}}}
        """,
        bad_name="InvalidParameter",
    ),
    Kind(
        "compute:VirtualMachineScaleSet",
        COMPUTE + "/virtualMachineScaleSets/{vmScaleSetName}",
        COMPUTE_NAME,
        f"""location!^ zones= tags* orchestrationMode(Uniform)= overprovision
        singlePlacementGroup platformFaultDomainCount= upgradePolicy!{{mode(Manual)!}}
        sku!{{name! tier capacity(0..{SCALE_SET_MAX_INSTANCES})!}} {ATTACHED}
        virtualMachineProfile!{{ {PROFILE}
          osProfile!{{computerNamePrefix(1..{COMPUTER_NAME_PREFIX_MAX_LENGTH})=!
            customData~ {LINUX}}}
          storageProfile!{{imageReference!{IMAGE} {OS_DISK}}}
          networkProfile!{{networkInterfaceConfigurations!{{name! primary
            enableAcceleratedNetworking
            ipConfigurations!{{name! primary subnet!{{id!@network:Subnet}}}}}}}}}}""",
        bad_name="InvalidParameter",
    ),
    Kind(
        "compute:VirtualMachineRunCommandByVirtualMachine",
        COMPUTE + "/virtualMachines/{vmName}/runCommands/{runCommandName}",
        COMPUTE_NAME,
        """location!^ source!{script!} parameters{name! value!} timeoutInSeconds asyncExecution
        treatFailureAsDeploymentFailure""",
        bad_name="InvalidParameter",
    ),
)
KINDS = {kind.type: kind for kind in _ROWS}
