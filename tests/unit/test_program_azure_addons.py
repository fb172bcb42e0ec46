"""Add-ons that act on Azure: as whom, with which rights, and what they are told."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from kilonode import instance_metadata

from components.workload_identity import AUDIENCE
from config.azure_limits import SIZES
from config.environment import machine_user_data
from config.settings import of_stack
from config.topology import ISSUER_CONTAINER, topology
from config.user_data import MACHINES
from config.workload_identities import AZURE_DISK, CLOUD_CONTROLLER_MANAGER, CLUSTER_AUTOSCALER
from tests.unit.planned_addons import addons_of
from tests.unit.program_recorder import ROLE_ASSIGNMENT, SCALE_SET, VM, Recording, recorded

WORKLOADS = (CLOUD_CONTROLLER_MANAGER, CLUSTER_AUTOSCALER, AZURE_DISK)
ROLE_DEFINITION = "azure-native:authorization:RoleDefinition"
CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"


@pytest.fixture
def prod() -> Recording:
    return recorded("prod", True)


def plan() -> Any:
    return topology(of_stack("prod"))


def found(addon: str, kind: str) -> Any:
    (one,) = (one for one in addons_of("prod")[addon] if one["kind"] == kind)
    return one


def pod(addon: str, kind: str = "Deployment") -> Any:
    return found(addon, kind)["spec"]["template"]["spec"]


def arguments(addon: str, kind: str = "Deployment") -> dict[str, str]:
    (container,) = (one for one in pod(addon, kind)["containers"] if "args" in one)
    return dict(one.removeprefix("--").split("=", 1) for one in container["args"])


def granted(recording: Recording, workload: str) -> dict[str, set[str]]:
    """Actions by the scope that they hold at."""
    actions = {
        one.inputs["roleDefinitionId"]: one.inputs["permissions"][0]["actions"]
        for one in recording.of_type(ROLE_DEFINITION)
    }
    return {
        one.inputs["scope"].partition("/resourceGroups/")[2]: set(
            actions[one.inputs["roleDefinitionId"].rpartition("/")[2]]
        )
        for one in recording.of_type(ROLE_ASSIGNMENT)
        if one.inputs["principalId"] == f"principal-prod-{workload}-azure-identity"
    }


def test_no_machine_has_an_add_ons_identity(prod: Recording) -> None:
    """Whoever is root on a machine has what its metadata service gives."""
    attached = {
        one
        for machine in (*prod.of_type(VM), *prod.of_type(SCALE_SET))
        for one in machine.inputs["identity"]["userAssignedIdentities"]
    }
    assert {one.rpartition("/")[2] for one in attached} == {
        f"prod-{role}" for role in ("etcd", "events", "master", "node")
    }


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one.name)
def test_azure_believes_one_service_account_of_this_cluster(prod: Recording, workload: Any) -> None:
    credential = prod.named(f"prod-{workload.name}-azure-credential").inputs
    assert credential["issuer"] == plan().issuer_url
    assert credential["subject"] == f"system:serviceaccount:kube-system:{workload.account}"
    assert credential["audiences"] == [AUDIENCE]


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one.name)
def test_its_pods_show_that_accounts_token_and_run_beside_no_ordinary_pod(workload: Any) -> None:
    spec = pod(workload.name)
    assert spec["serviceAccountName"] == workload.account
    (token,) = (one for one in spec["volumes"] if one["name"] == "azure-token")
    (source,) = token["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == AUDIENCE
    (terms,) = spec["affinity"]["nodeAffinity"].values()
    assert terms["nodeSelectorTerms"] == [
        {
            "matchExpressions": [
                {"key": "kubernetes.azure.com/mode", "operator": "In", "values": ["system"]}
            ]
        }
    ]
    (container,) = (one for one in spec["containers"] if "env" in one)
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["AZURE_CLIENT_ID"] == f"client-{workload.name}"
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    assert environment["AZURE_FEDERATED_TOKEN_FILE"].rpartition("/")[0] in mounted


def test_only_those_who_act_on_azure_get_such_a_token() -> None:
    names = {
        one["metadata"]["name"]
        for manifests in addons_of("prod").values()
        for one in manifests
        if AUDIENCE in json.dumps(one)
    }
    assert names == {
        "cloud-controller-manager",
        "cluster-autoscaler",
        "csi-azuredisk-controller",
    }


def test_azure_reads_the_clusters_keys_where_the_apiserver_says_they_are(prod: Recording) -> None:
    (container,) = (
        one.inputs
        for one in prod.of_type("azure-native:storage:BlobContainer")
        if one.inputs["containerName"] == ISSUER_CONTAINER
    )
    assert container["publicAccess"] == "Blob", "Microsoft Entra asks without a credential"
    allowed = {
        one.inputs["accountName"]: one.inputs["allowBlobPublicAccess"]
        for one in prod.of_type("azure-native:storage:StorageAccount")
    }
    assert allowed == {plan().storage_account: False, container["accountName"]: True}
    url = f"https://{container['accountName']}.blob.core.windows.net/{container['containerName']}"
    assert url == plan().issuer_url


def test_rights_are_exactly_these(prod: Recording) -> None:
    network = "prod-control/providers/Microsoft.Network"
    vnet = f"{network}/virtualNetworks/prod-vnet"
    identity = "prod-control/providers/Microsoft.ManagedIdentity/userAssignedIdentities/prod-node"
    join = "Microsoft.Network/virtualNetworks/subnets/join/action"
    assign = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
    autoscaler = granted(prod, "cluster-autoscaler")
    assert autoscaler == {
        "prod-nodes": {
            "Microsoft.Compute/virtualMachineScaleSets/read",
            "Microsoft.Compute/virtualMachineScaleSets/write",
            "Microsoft.Compute/virtualMachineScaleSets/delete/action",
            "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
            "Microsoft.Compute/virtualMachines/read",
            "Microsoft.Compute/locations/operations/read",
        },
        f"{vnet}/subnets/nodes": {join},
        identity: {assign},
    }
    manager = granted(prod, "cloud-controller-manager")
    assert set(manager) == {
        "prod-nodes",
        vnet,
        f"{vnet}/subnets/nodes",
        f"{network}/networkSecurityGroups/prod-vnet-nodes-nsg",
    }
    assert not any("Compute" in one and not one.endswith("/read") for one in manager["prod-nodes"])
    disk = granted(prod, "azure-disk")
    assert set(disk) == {"prod-nodes", f"{vnet}/subnets/nodes", identity}
    assert "Microsoft.Compute/virtualMachineScaleSets/write" not in disk["prod-nodes"]
    assert "Microsoft.Compute/locations/DiskOperations/read" in disk["prod-nodes"]


def test_no_right_reaches_masters_or_etcd(prod: Recording) -> None:
    """Root on a machine of the control plane is the whole cluster."""
    for workload in WORKLOADS:
        assert "prod-control" not in granted(prod, workload.name)
    for one in prod.of_type(ROLE_DEFINITION):
        actions = one.inputs["permissions"][0]["actions"]
        assert all(re.fullmatch(r"Microsoft\.[\w/]+", action) for action in actions), "no wildcard"
        assert not any("roleAssignments" in action for action in actions)


def test_a_role_of_our_own_is_this_clusters_alone(prod: Recording) -> None:
    """Its name is taken in the whole tenant."""
    names = [one.inputs["roleName"] for one in prod.of_type(ROLE_DEFINITION)]
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"{plan().storage_account} ") for name in names)


def test_nothing_of_it_is_there_where_no_add_on_needs_it() -> None:
    local = recorded("local", True)
    assert not local.of_type(ROLE_DEFINITION)
    assert not local.of_type(CREDENTIAL)
    assert all("issuer" not in one.name for one in local.registrations)


def test_the_autoscalers_brakes_and_limits_are_the_documents() -> None:
    flags = arguments("cluster-autoscaler")
    assert flags["max-total-unready-percentage"] == "50", "D5"
    assert flags["ok-total-unready-count"] == "25"
    # D5. One in 25 at a time: a wrong scale-down is seen before it is large.
    assert flags["max-scale-down-parallelism"] == "100"
    assert flags["max-nodes-total"] == "2503"
    masters = 3 * SIZES["Standard_E20ds_v5"].vcpus
    assert flags["cores-total"] == f"0:{20 * 16 + 2000 * 20 + 480 * 64 + masters}"
    assert float(flags["kube-client-qps"]) >= 50


def test_the_autoscaler_overwrites_nobody_elses_capacity() -> None:
    (container,) = pod("cluster-autoscaler")["containers"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment["AZURE_ENABLE_VMSS_ETAG"] == "true"
    assert environment["ARM_RESOURCE_GROUP"] == "prod-nodes"


def test_the_autoscaler_finds_every_scale_set_and_its_limits(prod: Recording) -> None:
    selector = arguments("cluster-autoscaler")["node-group-auto-discovery"]
    key, value = selector.removeprefix("label:").split("=")
    limits = {}
    for one in prod.of_type(SCALE_SET):
        tags = one.inputs["tags"]
        assert tags[key] == value
        limits[one.inputs["vmScaleSetName"]] = (tags["min"], tags["max"])
    assert limits == {
        "prod-system-a": ("20", "20"),
        "prod-cpu-a": ("0", "1000"),
        "prod-cpu-b": ("0", "1000"),
        "prod-gpu-a": ("0", "480"),
    }


def test_nodes_without_a_vm_leave_and_fresh_ones_stay() -> None:
    config = json.loads(found("cloud-controller-manager", "ConfigMap")["data"]["azure.json"])
    assert config["nodeInstanceNotFoundGracePeriodInSeconds"] == 600
    assert config["vmType"] == "vmss"
    assert config["loadBalancerSku"] == "standard"
    assert config["clusterServiceLoadBalancerHealthProbeMode"] == "shared"
    assert config["loadBalancerBackendPoolConfigurationType"] == "nodeIP", "writes no scale set"
    assert config["useInstanceMetadata"] is False, "which no pod reaches"
    flags = arguments("cloud-controller-manager")
    controllers = flags["controllers"].split(",")
    assert controllers == ["cloud-node-lifecycle-controller", "service-lb-controller"]
    assert flags["configure-cloud-routes"] == flags["allocate-node-cidrs"] == "false"


def test_the_cloud_controller_edits_the_firewall_that_the_program_claims_no_rules_of(
    prod: Recording,
) -> None:
    config = json.loads(found("cloud-controller-manager", "ConfigMap")["data"]["azure.json"])
    (group,) = (
        one
        for one in prod.of_type("azure-native:network:NetworkSecurityGroup")
        if one.inputs["networkSecurityGroupName"] == config["securityGroupName"]
    )
    assert "securityRules" not in group.inputs
    subnet = prod.named("prod-vnet-nodes").inputs
    assert subnet["subnetName"] == config["subnetName"]
    assert subnet["networkSecurityGroup"]["id"].endswith(f"/{config['securityGroupName']}")


def test_every_node_is_introduced_before_it_takes_other_pods() -> None:
    """The kubelet's taint keeps them away; masters have it too."""
    spec = pod("cloud-controller-manager", "DaemonSet")
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert "nodeSelector" not in spec
    assert "affinity" not in spec


@pytest.mark.parametrize("addon", ["cloud-controller-manager", "azure-disk"])
def test_what_runs_on_every_node_reads_no_pods_events_or_secrets(addon: str) -> None:
    """D7, E4, and a node that is lost shall not cost more than itself."""
    roles = {
        one["metadata"]["name"]: one
        for one in addons_of("prod")[addon]
        if one["kind"] == "ClusterRole"
    }
    account = pod(addon, "DaemonSet")["serviceAccountName"]
    read = {name for rule in roles[f"kilonode:{account}"]["rules"] for name in rule["resources"]}
    assert read <= {"nodes", "nodes/status", "csinodes", "volumeattachments"}


def test_volumes_are_of_a_kind_that_the_documents_size_takes() -> None:
    storage = found("azure-disk", "StorageClass")
    assert storage["parameters"] == {"skuName": "StandardSSD_LRS"}
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    assert storage["metadata"]["annotations"] == default


def test_machines_know_of_the_cloud_provider_where_it_is_on_and_nowhere_else() -> None:
    """A kubelet that waits for it without end takes no pod."""
    variables = {
        stack: {
            one.name: machine_user_data(loaded, topology(loaded), one).environment
            for one in topology(loaded).machines
            if one.role in ("node", "master")
        }
        for stack in ("prod", "local")
        for loaded in [of_stack(stack)]
    }
    assert {one["CLOUD_PROVIDER"] for one in variables["prod"].values()} == {"external"}
    assert {one["CLOUD_PROVIDER"] for one in variables["local"].values()} == {""}
    master = variables["prod"]["prod-master-a"]
    assert master["TOKEN_ISSUER_ARGS"].split() == [
        f"--service-account-issuer={plan().issuer_url}",
        f"--service-account-jwks-uri={plan().issuer_url}/openid/v1/jwks",
    ]
    assert "kubernetes.azure.com/managed=false" in master["NODE_LABELS"].split(",")
    assert variables["local"]["local-master-a"]["TOKEN_ISSUER_ARGS"] == ""


def test_cloud_node_manager_asks_the_proxy_on_its_machines_loopback() -> None:
    (container,) = pod("cloud-controller-manager", "DaemonSet")["containers"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    address, port = instance_metadata.ADDRESS
    assert address == "127.0.0.1"
    assert environment["HTTP_PROXY"] == f"http://{address}:{port}"
    assert pod("cloud-controller-manager", "DaemonSet")["hostNetwork"] is True
    units = MACHINES / "node/etc/systemd/system"
    unit = (units / "instance-metadata.service").read_text()
    assert "Slice=metadata.slice\n" in unit
    assert "DynamicUser=yes\n" in unit
