"""A small world in the local Azure for tests: one valid body per type, and a recording backend."""

from __future__ import annotations

import base64
import copy
from pathlib import Path
from typing import Any

from local_azure.arm.backend import PlanBackend, RunResult
from local_azure.arm.service import Arm
from local_azure.arm.store import Resource, Store

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/main"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/vnet"
SUBNET = f"{VNET}/subnets/masters"
NIC = f"{NETWORK}/networkInterfaces/vm-a"
NAT = f"{NETWORK}/natGateways/nat"
ADDRESS = f"{NETWORK}/publicIPAddresses/nat-1"
NSG = f"{NETWORK}/networkSecurityGroups/nsg"
BALANCER = f"{NETWORK}/loadBalancers/api"
POOL = f"{BALANCER}/backendAddressPools/masters"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/node"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/vault-1"
SECRET = f"{VAULT}/secrets/node"
DISK = f"{GROUP}/providers/Microsoft.Compute/disks/vm-a-data"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-a"
GATE = f"{VM}/runCommands/gate"
SCALE_SET = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/cpu-a"
ROLE_PATH = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
ROLE = f"{ROLE_PATH}/4633458b-17de-408a-b874-0445c86b69e6"
OWN_ROLE = "6f1b6a2c-3b52-4d0e-9a51-0c6f3a2b1d07"
ASSIGNMENT_NAME = "6f1b6a2c-3b52-4d0e-9a51-0c6f3a2b1d00"

_IN = {"resourceGroupName": "main", "location": "westeurope"}
_DATA = base64.b64encode(b"#cloud-config\n").decode()
_IDENTITY = {"type": "UserAssigned", "userAssignedIdentities": [IDENTITY]}
_IMAGE = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "1"}
_DISK = {"createOption": "FromImage", "managedDisk": {"storageAccountType": "Premium_LRS"}}
_ON_SUBNET = {"name": "primary", "primary": True, "subnet": {"id": SUBNET}}

# In the order of creation; every one passes every rule.
BODIES: dict[str, dict[str, Any]] = {
    "resources:ResourceGroup": _IN,
    "network:VirtualNetwork": {
        **_IN,
        "virtualNetworkName": "vnet",
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
    },
    "network:NetworkSecurityGroup": {
        **_IN,
        "networkSecurityGroupName": "nsg",
        "securityRules": [],
    },
    "network:PublicIPAddress": {
        **_IN,
        "publicIpAddressName": "nat-1",
        "sku": {"name": "Standard"},
        "publicIPAllocationMethod": "Static",
    },
    "network:NatGateway": {
        **_IN,
        "natGatewayName": "nat",
        "sku": {"name": "Standard"},
        "publicIpAddresses": [{"id": ADDRESS}],
    },
    "network:Subnet": {
        "resourceGroupName": "main",
        "virtualNetworkName": "vnet",
        "subnetName": "masters",
        "addressPrefix": "10.0.1.0/24",
        "natGateway": {"id": NAT},
        "networkSecurityGroup": {"id": NSG},
    },
    "network:LoadBalancer": {
        **_IN,
        "loadBalancerName": "api",
        "sku": {"name": "Standard"},
        "frontendIPConfigurations": [
            {"name": "api", "privateIPAddress": "10.0.1.9", "subnet": {"id": SUBNET}}
        ],
        "backendAddressPools": [{"name": "masters"}],
        "probes": [{"name": "readyz", "protocol": "Https", "port": 6443, "intervalInSeconds": 5}],
        "loadBalancingRules": [
            {
                "name": "api",
                "protocol": "Tcp",
                "frontendPort": 6443,
                "backendPort": 6443,
                "idleTimeoutInMinutes": 30,
                "frontendIPConfiguration": {"id": f"{BALANCER}/frontendIPConfigurations/api"},
                "backendAddressPool": {"id": POOL},
                "probe": {"id": f"{BALANCER}/probes/readyz"},
            }
        ],
    },
    "network:NetworkInterface": {
        **_IN,
        "networkInterfaceName": "vm-a",
        "enableAcceleratedNetworking": True,
        "ipConfigurations": [
            {
                **_ON_SUBNET,
                "privateIPAddress": "10.0.1.10",
                "privateIPAllocationMethod": "Static",
                "loadBalancerBackendAddressPools": [{"id": POOL}],
            }
        ],
    },
    "managedidentity:UserAssignedIdentity": {**_IN, "resourceName": "node"},
    "managedidentity:FederatedIdentityCredential": {
        "resourceGroupName": "main",
        "resourceName": "node",
        "federatedIdentityCredentialResourceName": "kubernetes",
        "issuer": "https://account1.blob.core.windows.net/issuer",
        "subject": "system:serviceaccount:kube-system:somebody",
        "audiences": ["api://AzureADTokenExchange"],
    },
    "keyvault:Vault": {
        **_IN,
        "vaultName": "vault-1",
        "properties": {
            "tenantId": SUBSCRIPTION,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        },
    },
    "keyvault:Secret": {
        "resourceGroupName": "main",
        "vaultName": "vault-1",
        "secretName": "node",
        "properties": {"value": "bundle"},
    },
    "storage:StorageAccount": {
        **_IN,
        "accountName": "account1",
        "kind": "StorageV2",
        "sku": {"name": "Standard_ZRS"},
    },
    "storage:BlobContainer": {
        "resourceGroupName": "main",
        "accountName": "account1",
        "containerName": "etcd",
        "publicAccess": "None",
    },
    "storage:ManagementPolicy": {
        "resourceGroupName": "main",
        "accountName": "account1",
        "managementPolicyName": "default",
        "policy": {
            "rules": [
                {
                    "name": name,
                    "type": "Lifecycle",
                    "definition": {
                        "actions": {"baseBlob": {"delete": {"daysAfterCreationGreaterThan": 1}}},
                        "filters": {"blobTypes": ["blockBlob"], "prefixMatch": [f"etcd/{name}/"]},
                    },
                }
                for name in ("recent", "daily")
            ]
        },
    },
    "authorization:RoleDefinition": {
        "scope": GROUP,
        "roleDefinitionId": OWN_ROLE,
        "roleName": "main reader",
        "roleType": "CustomRole",
        "assignableScopes": [GROUP],
        "permissions": [{"actions": ["Microsoft.Compute/virtualMachines/read"]}],
    },
    "authorization:RoleAssignment": {
        "scope": SECRET,
        "roleAssignmentName": ASSIGNMENT_NAME,
        "roleDefinitionId": ROLE,
        "principalType": "ServicePrincipal",
        "principalId": "set by World",
    },
    "compute:Disk": {
        **_IN,
        "diskName": "vm-a-data",
        "zones": ["1"],
        "sku": {"name": "Premium_LRS"},
        "creationData": {"createOption": "Empty"},
        "diskSizeGB": 64,
    },
    "compute:VirtualMachine": {
        **_IN,
        "vmName": "vm-a",
        "zones": ["1"],
        "identity": _IDENTITY,
        "hardwareProfile": {"vmSize": "Standard_E20ds_v5"},
        "osProfile": {"computerName": "vm-a", "adminUsername": "kilonode", "customData": _DATA},
        "storageProfile": {
            "imageReference": _IMAGE,
            "osDisk": _DISK,
            "dataDisks": [
                {
                    "lun": 0,
                    "createOption": "Attach",
                    "deleteOption": "Detach",
                    "managedDisk": {"id": DISK},
                }
            ],
        },
        "networkProfile": {"networkInterfaces": [{"id": NIC, "primary": True}]},
    },
    "compute:VirtualMachineRunCommandByVirtualMachine": {
        **_IN,
        "vmName": "vm-a",
        "runCommandName": "gate",
        "source": {"script": "true"},
        "asyncExecution": False,
        "treatFailureAsDeploymentFailure": True,
    },
    "compute:VirtualMachineScaleSet": {
        **_IN,
        "vmScaleSetName": "cpu-a",
        "identity": _IDENTITY,
        "orchestrationMode": "Uniform",
        "overprovision": False,
        "singlePlacementGroup": False,
        "platformFaultDomainCount": 1,
        "upgradePolicy": {"mode": "Manual"},
        "sku": {"name": "Standard_E20ds_v5", "tier": "Standard", "capacity": 3},
        "virtualMachineProfile": {
            "osProfile": {
                "computerNamePrefix": "cpu-a-",
                "adminUsername": "kilonode",
                "customData": _DATA,
            },
            "storageProfile": {"imageReference": _IMAGE, "osDisk": _DISK},
            "networkProfile": {
                "networkInterfaceConfigurations": [
                    {"name": "primary", "primary": True, "ipConfigurations": [_ON_SUBNET]}
                ]
            },
        },
    },
}


class RecordingBackend(PlanBackend):
    """Notes what it is asked; `result` answers run commands, `error` is raised by all else."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.result = RunResult(0, "ready\n")
        self.error: Exception | None = None

    def create(self, resource: Resource) -> None:
        self._note("create", resource)

    def update(self, old: Resource, new: Resource) -> None:
        self._note("update", new)

    def delete(self, resource: Resource) -> None:
        self._note("delete", resource)

    def run_command(self, resource: Resource) -> RunResult:
        self.calls.append(("run", resource.name))
        return self.result

    def _note(self, verb: str, resource: Resource) -> None:
        self.calls.append((verb, resource.name))
        if self.error is not None:
            raise self.error


class World:
    """Everything of BODIES exists; the VM has the disk."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.backend = RecordingBackend()
        self.arm = Arm(self.store, self.backend, SUBSCRIPTION, tenant=SUBSCRIPTION)
        for type in BODIES:
            self.arm.put(type, self.body(type))

    def body(self, type: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        """A valid body; changes: dotted path (with list indices as names) -> value, None: none."""
        body = copy.deepcopy(BODIES[type])
        if type == "authorization:RoleAssignment":
            identity = self.store.get(IDENTITY)
            assert identity is not None
            body["principalId"] = identity.outputs["principalId"]
        for path, value in (changes or {}).items():
            *way, last = path.split(".")
            at: Any = body
            for name in way:
                at = at[int(name)] if name.isdigit() else at.setdefault(name, {})
            if value is None:
                del at[last]
            else:
                at[last] = value
        return body
