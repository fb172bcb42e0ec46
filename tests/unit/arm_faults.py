"""Faults of requests to Azure, one row each: the rule that catches it and Azure's code."""

from __future__ import annotations

from config.azure_limits import (
    COMPUTER_NAME_PREFIX_MAX_LENGTH,
    CUSTOM_DATA_MAX_BYTES,
    SCALE_SET_MAX_INSTANCES,
    SECRET_MAX_BYTES,
)
from tests.unit.arm_case import Case, coded, security_rule
from tests.unit.azure_world import (
    NETWORK,
    POOL,
    ROLE_PATH,
    SECRET,
    SUBNET,
    SUBSCRIPTION,
    VAULT,
    VNET,
)

GROUP = "resources:ResourceGroup"
VNETS = "network:VirtualNetwork"
SUBNETS = "network:Subnet"
GROUPS = "network:NetworkSecurityGroup"
ADDRESSES = "network:PublicIPAddress"
NATS = "network:NatGateway"
BALANCERS = "network:LoadBalancer"
NICS = "network:NetworkInterface"
VAULTS = "keyvault:Vault"
SECRETS = "keyvault:Secret"
ACCOUNTS = "storage:StorageAccount"
CONTAINERS = "storage:BlobContainer"
POLICIES = "storage:ManagementPolicy"
ROLES = "authorization:RoleAssignment"
DEFINITIONS = "authorization:RoleDefinition"
DISKS = "compute:Disk"
VMS = "compute:VirtualMachine"
SETS = "compute:VirtualMachineScaleSet"
GATES = "compute:VirtualMachineRunCommandByVirtualMachine"

ADDRESS = "ipConfigurations.0.privateIPAddress"
PREFIX = "virtualMachineProfile.osProfile.computerNamePrefix"
BALANCER_RULE = "loadBalancingRules.0"
GEN1 = {"hardwareProfile.vmSize": "Standard_D15_v2"}
GEN1_IMAGE = {"storageProfile.imageReference.sku": "server-gen1"}
PLAIN_DISK = {"storageProfile.osDisk.managedDisk.storageAccountType": "StandardSSD_LRS"}
TRUSTED = {"securityProfile.securityType": "TrustedLaunch"}


CASES = [
    Case("fields_are_known", "InvalidRequestContent", VNETS, {"subnets": []}),
    Case("fields_are_known", "InvalidRequestContent", VMS, {"osProfile.windows": {}}),
    Case("fields_are_known", "InvalidRequestContent", NICS, {"ipConfigurations.0.typo": 1}),
    Case("required_fields_are_sent", "InvalidParameter", VMS, {"hardwareProfile.vmSize": None}),
    Case("required_fields_are_sent", "InvalidParameter", SUBNETS, {"addressPrefix": None}),
    Case("values_are_allowed", "InvalidParameter", ADDRESSES, {"sku.name": "Basic"}),
    Case("values_are_allowed", "InvalidParameter", NATS, {"sku.name": "StandardV2"}),
    Case("values_are_allowed", "InvalidParameter", BALANCERS, {"sku.name": "Basic"}),
    Case("values_are_allowed", "InvalidParameter", SETS, {"orchestrationMode": "Flexible"}),
    Case("values_are_allowed", "InvalidParameter", ROLES, {"principalType": "User"}),
    Case(
        "values_are_allowed",
        "InvalidParameter",
        VAULTS,
        {"properties.enableRbacAuthorization": False},
    ),
    Case(
        "values_are_allowed",
        "InvalidParameter",
        NATS,
        {"publicIpAddresses": [{"id": f"{NETWORK}/publicIPAddresses/nat-1"}] * 17},
    ),
    Case("values_are_allowed", "InvalidParameter", BALANCERS, {"probes.0.intervalInSeconds": 4}),
    Case(
        "values_are_allowed",
        "InvalidParameter",
        BALANCERS,
        {f"{BALANCER_RULE}.idleTimeoutInMinutes": 31},
    ),
    Case(
        "values_are_allowed",
        "InvalidParameter",
        SETS,
        {"sku.capacity": SCALE_SET_MAX_INSTANCES + 1},
    ),
    Case(
        "values_are_allowed",
        "InvalidParameter",
        SETS,
        {PREFIX: "p" * (COMPUTER_NAME_PREFIX_MAX_LENGTH + 1)},
    ),
    Case(
        "values_are_allowed",
        "InvalidParameter",
        SECRETS,
        {"properties.value": "x" * (SECRET_MAX_BYTES + 1)},
    ),
    Case("name_is_allowed", "InvalidResourceGroup", GROUP, {"resourceGroupName": "ends."}),
    Case("name_is_allowed", "InvalidResourceName", SUBNETS, {"subnetName": "a" * 81}),
    Case("name_is_allowed", "VaultNameNotValid", VAULTS, {"vaultName": "a" * 25}),
    Case("name_is_allowed", "VaultNameNotValid", VAULTS, {"vaultName": "two--hyphens"}),
    Case("name_is_allowed", "AccountNameInvalid", ACCOUNTS, {"accountName": "With-Hyphen"}),
    Case("name_is_allowed", "InvalidResourceName", CONTAINERS, {"containerName": "ab"}),
    Case("name_is_allowed", "InvalidRoleAssignmentId", ROLES, {"roleAssignmentName": "reader"}),
    Case("name_is_allowed", "BadParameter", SECRETS, {"secretName": "a_b"}),
    Case("name_is_allowed", "InvalidParameter", VMS, {"vmName": "a" * 65}),
    Case("group_exists", "ResourceGroupNotFound", NICS, {"resourceGroupName": "none"}),
    Case("parent_exists", "ParentResourceNotFound", SUBNETS, {"virtualNetworkName": "none"}),
    Case("parent_exists", "ParentResourceNotFound", CONTAINERS, {"accountName": "none"}),
    Case("parent_exists", "ParentResourceNotFound", GATES, {"vmName": "none"}),
    Case("references_exist", "InvalidResourceReference", SUBNETS, {"natGateway.id": "/none"}),
    Case(
        "references_exist",
        "InvalidResourceReference",
        NICS,
        {"ipConfigurations.0.loadBalancerBackendAddressPools": [{"id": f"{POOL}2"}]},
    ),
    Case(
        "references_exist",
        "InvalidResourceReference",
        VMS,
        {"identity.userAssignedIdentities": [SUBNET]},
    ),
    Case("fixed_fields_stay", "PropertyChangeNotAllowed", VMS, {"osProfile.customData": coded(9)}),
    Case("fixed_fields_stay", "PropertyChangeNotAllowed", VMS, {"zones": ["2"]}),
    Case(
        "fixed_fields_stay",
        "PropertyChangeNotAllowed",
        BALANCERS,
        {"frontendIPConfigurations.0.zones": ["1", "2", "3"]},
    ),
    Case("fixed_fields_stay", "PropertyChangeNotAllowed", ACCOUNTS, {"sku.name": "Standard_LRS"}),
    Case("fixed_fields_stay", "PropertyChangeNotAllowed", VMS, GEN1_IMAGE),
    Case("fixed_fields_stay", "PropertyChangeNotAllowed", SETS, {"platformFaultDomainCount": 5}),
    Case(
        "ranges_are_networks",
        "InvalidCIDRNotation",
        VNETS,
        {"addressSpace.addressPrefixes": ["10.0.0.1/16"]},
    ),
    Case(
        "subnet_lies_in_its_network",
        "NetcfgSubnetRangeOutsideVnet",
        SUBNETS,
        {"addressPrefix": "10.1.0.0/24"},
        new=True,
    ),
    Case(
        "network_holds_its_subnets",
        "NetcfgSubnetRangeOutsideVnet",
        VNETS,
        {"addressSpace.addressPrefixes": ["10.1.0.0/16"]},
    ),
    Case(
        "range_in_use_stays",
        "InUsePrefixCannotBeDeleted",
        SUBNETS,
        {"addressPrefix": "10.0.2.0/24"},
    ),
    Case(
        "priorities_are_in_range",
        "SecurityRuleInvalidPriority",
        GROUPS,
        {"securityRules": [security_rule("ssh", 50)]},
    ),
    Case(
        "priorities_are_in_range",
        "SecurityRuleInvalidPriority",
        GROUPS,
        {"securityRules": [security_rule("ssh", 4097)]},
    ),
    Case(
        "priorities_differ",
        "SecurityRuleConflict",
        GROUPS,
        {"securityRules": [security_rule("ssh", 100), security_rule("api", 100)]},
    ),
    Case(
        "sources_of_a_rule_are_disjoint",
        "OverlappingSubnetsNotPermittedInSecurityRule",
        GROUPS,
        {
            "securityRules": [
                security_rule("api", 100) | {"sourceAddressPrefixes": ["10.0.0.0/8", "10.1.0.0/16"]}
            ]
        },
    ),
    Case(
        "subnets_are_disjoint",
        "NetcfgSubnetRangesOverlap",
        SUBNETS,
        {"addressPrefix": "10.0.1.128/25"},
        new=True,
    ),
    Case("address_lies_in_its_subnet", "PrivateIPAddressNotInSubnet", NICS, {ADDRESS: "10.0.2.9"}),
    Case("address_is_not_reserved", "PrivateIPAddressInReservedRange", NICS, {ADDRESS: "10.0.1.3"}),
    Case(
        "address_is_not_reserved", "PrivateIPAddressInReservedRange", NICS, {ADDRESS: "10.0.1.255"}
    ),
    Case("address_is_free", "PrivateIPAddressInUse", NICS, {ADDRESS: "10.0.1.9"}),
    Case("address_is_free", "PrivateIPAddressInUse", NICS, new=True),
    Case("subnet_has_room", "SubnetIsFull", SETS, {"sku.capacity": 250}),
    Case(
        "balancer_parts_refer_to_each_other",
        "InvalidResourceReference",
        BALANCERS,
        {f"{BALANCER_RULE}.probe.id": f"{NETWORK}/loadBalancers/api/probes/none"},
    ),
    Case("size_can_be_created", "SkuNotAvailable", VMS, {"hardwareProfile.vmSize": "None"}),
    Case("size_can_be_created", "SkuNotAvailable", SETS, {"sku.name": "Standard_NC24"}),
    Case("size_has_what_it_takes", "BadRequest", VMS, {**GEN1, **PLAIN_DISK}, new=True),
    Case(
        "size_has_what_it_takes",
        "BadRequest",
        VMS,
        {**GEN1, **GEN1_IMAGE, **PLAIN_DISK, **TRUSTED},
        new=True,
    ),
    Case("size_has_what_it_takes", "InvalidParameter", VMS, {**GEN1, **GEN1_IMAGE}, new=True),
    Case(
        "trusted_launch_has_a_generation_2_image",
        "BadRequest",
        VMS,
        {**GEN1_IMAGE, **TRUSTED},
        new=True,
    ),
    Case("custom_data_fits", "InvalidParameter", VMS, {"osProfile.customData": "no base64"}),
    Case(
        "custom_data_fits",
        "InvalidParameter",
        SETS,
        {"virtualMachineProfile.osProfile.customData": coded(CUSTOM_DATA_MAX_BYTES + 1)},
    ),
    Case("interface_is_free", "NicInUse", VMS, new=True),
    Case(
        "large_sets_span_placement_groups",
        "OperationNotAllowed",
        SETS,
        {"sku.capacity": 101, "singlePlacementGroup": None},
        new=True,
    ),
    Case(
        "size_has_the_disk_controller",
        "InvalidParameter",
        VMS,
        {"hardwareProfile.vmSize": "Standard_L8s_v4"},
    ),
    Case(
        "size_has_the_disk_controller",
        "InvalidParameter",
        SETS,
        {"virtualMachineProfile.storageProfile.diskControllerType": "NVMe"},
    ),
    Case("data_disk_is_free", "AttachDiskWhileBeingAttached", VMS, new=True),
    Case("data_disk_is_in_the_machines_zone", "BadRequest", VMS, {"zones": ["2"]}),
    Case(
        "size_takes_the_data_disk",
        "InvalidParameter",
        VMS,
        {"hardwareProfile.vmSize": "Standard_D15_v2"},
    ),
    Case("disk_only_grows", "ResizeDiskError", DISKS, {"diskSizeGB": 63}),
    Case(
        "premium_v2_is_zonal",
        "InvalidParameter",
        DISKS,
        {"sku.name": "PremiumV2_LRS", "zones": None},
        new=True,
    ),
    Case("fixed_fields_stay", "PropertyChangeNotAllowed", DISKS, {"zones": ["2"]}),
    Case("fixed_fields_stay", "PropertyChangeNotAllowed", VMS, {"storageProfile.dataDisks": []}),
    Case(
        "placement_groups_stay_several", "OperationNotAllowed", SETS, {"singlePlacementGroup": True}
    ),
    Case("vault_name_is_free", "VaultAlreadyExists", VAULTS, {"resourceGroupName": "other"}),
    Case(
        "account_name_is_free",
        "StorageAccountAlreadyTaken",
        ACCOUNTS,
        {"resourceGroupName": "other"},
    ),
    Case(
        "lifecycle_rules_have_names_of_their_own",
        "InvalidRequestPropertyValue",
        POLICIES,
        {"policy.rules.0.name": "daily"},
    ),
    Case("role_is_an_id", "InvalidRoleDefinitionId", ROLES, {"roleDefinitionId": "Reader"}),
    Case("scope_exists", "ResourceNotFound", ROLES, {"scope": f"{VNET}/subnets/none"}),
    Case("principal_exists", "PrincipalNotFound", ROLES, {"principalId": SUBSCRIPTION}),
    Case(
        "assignment_is_new",
        "RoleAssignmentExists",
        ROLES,
        {"roleAssignmentName": "6f1b6a2c-3b52-4d0e-9a51-0c6f3a2b1d01"},
    ),
    Case(
        "role_holds_at_the_scope",
        "RoleDefinitionDoesNotExist",
        ROLES,
        {"roleDefinitionId": f"{ROLE_PATH}/6f1b6a2c-3b52-4d0e-9a51-0c6f3a2b1d09"},
    ),
    Case(
        "role_name_is_free",
        "RoleDefinitionWithSameNameExists",
        DEFINITIONS,
        {"roleDefinitionId": "6f1b6a2c-3b52-4d0e-9a51-0c6f3a2b1d09", "roleName": "Main Reader"},
    ),
    Case(
        "account_allows_the_public",
        "PublicAccessNotPermitted",
        CONTAINERS,
        {"publicAccess": "Blob"},
    ),
    Case("vault_name_is_not_held", "ConflictError", VAULTS, deleted=VAULT),
    Case("secret_name_is_not_held", "Conflict", SECRETS, deleted=SECRET),
    Case(
        "size_accelerates_its_network",
        "VMSizeIsNotPermittedToEnableAcceleratedNetworking",
        VMS,
        {"hardwareProfile.vmSize": "Standard_NC24"},
    ),
]
