"""The program under mocks: what it asks of Azure and Kubernetes."""

from typing import Any

import pytest

from components import roles
from tests.unit.program_recorder import (
    ROLE_ASSIGNMENT,
    SCALE_SET,
    VM,
    Recording,
    recorded,
    run,
    settings,
)


@pytest.fixture
def prod() -> Recording:
    return recorded("prod", True)


def rules(recording: Recording, subnet: str) -> dict[str, Any]:
    group = recording.named(f"prod-vnet-{subnet}-nsg")
    return {rule["name"]: rule for rule in group.inputs.get("securityRules", [])}


def test_each_role_reads_its_own_bundle_and_nothing_else(prod: Recording) -> None:
    granted = {
        (one.inputs["principalId"], one.inputs["scope"].rsplit("/", 1)[1])
        for one in prod.of_type(ROLE_ASSIGNMENT)
        if one.inputs["roleDefinitionId"].endswith(roles.KEY_VAULT_SECRETS_USER)
    }
    assert granted == {
        (f"principal-prod-identity-{role}", role) for role in ("etcd", "events", "master", "node")
    }


def test_etcd_machines_write_to_their_own_container_and_masters_read_the_birth_records(
    prod: Recording,
) -> None:
    granted = {
        (
            one.inputs["principalId"].removeprefix("principal-prod-identity-"),
            one.inputs["roleDefinitionId"].rsplit("/", 1)[1],
            one.inputs["scope"].split("/blobServices/")[1],
        )
        for one in prod.of_type(ROLE_ASSIGNMENT)
        if "/blobServices/" in one.inputs["scope"]
    }
    assert granted == {
        # Who may write here is any add-on to Azure: those alone who sign for all of them anyway.
        ("master", roles.STORAGE_BLOB_DATA_CONTRIBUTOR, "default/containers/issuer"),
        ("etcd", roles.STORAGE_BLOB_DATA_CONTRIBUTOR, "default/containers/etcd"),
        ("events", roles.STORAGE_BLOB_DATA_CONTRIBUTOR, "default/containers/events"),
        ("master", roles.STORAGE_BLOB_DATA_READER, "default/containers/etcd"),
        ("master", roles.STORAGE_BLOB_DATA_READER, "default/containers/events"),
    }


def test_snapshots_are_kept_as_long_as_their_folder_says_and_nothing_else_expires(
    prod: Recording,
) -> None:
    (policy,) = prod.of_type("azure-native:storage:ManagementPolicy")
    # Azure takes no other name.
    assert policy.inputs["managementPolicyName"] == "default"
    days = {
        prefix: rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterCreationGreaterThan"]
        for rule in policy.inputs["policy"]["rules"]
        for prefix in rule["definition"]["filters"]["prefixMatch"]
    }
    kept = {"recent": 1, "hourly": 7, "change": 7, "daily": 90, "stop": 90}
    assert days == {
        f"{cluster}/snapshots/{folder}/": limit
        for cluster in ("etcd", "events")
        for folder, limit in kept.items()
    }


def test_every_container_is_somebodys(prod: Recording) -> None:
    containers = prod.of_type("azure-native:storage:BlobContainer")
    granted = {
        one.inputs["scope"].rpartition("/")[2]
        for one in prod.of_type(ROLE_ASSIGNMENT)
        if "/blobServices/" in one.inputs["scope"]
    }
    assert {one.inputs["containerName"] for one in containers} == granted


def test_the_nodes_firewall_claims_no_rules(prod: Recording) -> None:
    """An empty list would delete those that the cloud controller makes for services."""
    assert "securityRules" not in prod.named("prod-vnet-nodes-nsg").inputs


def test_prometheus_reaches_the_metrics_of_masters_and_etcd_and_nothing_else_of_them(
    prod: Recording,
) -> None:
    """D6. It may run on any node, so all nodes may ask; the programs judge whom they answer."""
    for subnet, ports in (
        ("etcd", ["2383", "2384"]),
        ("masters", ["2384", "9253", "10250", "10257", "10259"]),
    ):
        rule = rules(prod, subnet)["metrics"]
        assert rule["sourceAddressPrefix"] == "10.0.64.0/18"
        assert rule["destinationPortRanges"] == ports


def test_without_prometheus_nobody_reaches_metrics() -> None:
    without = run(settings(addons={}), known=False)
    for subnet in ("etcd", "masters"):
        assert "metrics" not in rules(without, subnet)
    assert rules(without, "masters")["kubelet"]["sourceAddressPrefix"] == "10.0.1.0/24"


def test_metrics_server_reaches_the_kubelets_of_masters_without_prometheus_too() -> None:
    """Or `kubectl top` knows no master, and it says so in its log four times a minute."""
    kubelet = rules(run(settings(addons={"metricsServer": {}}), known=False), "masters")["kubelet"]
    assert kubelet["sourceAddressPrefixes"] == ["10.0.1.0/24", "10.0.64.0/18"]
    assert kubelet["destinationPortRanges"] == ["10250"]


def test_a_role_assignment_is_for_a_service_principal_and_has_a_name_of_its_own(
    prod: Recording,
) -> None:
    assignments = prod.of_type(ROLE_ASSIGNMENT)
    assert {one.inputs["principalType"] for one in assignments} == {"ServicePrincipal"}
    assert len({one.inputs["roleAssignmentName"] for one in assignments}) == len(assignments)


def test_no_subnet_has_a_hidden_way_out_and_all_share_one_gateway(prod: Recording) -> None:
    subnets = prod.of_type("azure-native:network:Subnet")
    assert len(subnets) == 3
    assert not any(one.inputs["defaultOutboundAccess"] for one in subnets)
    assert len({one.inputs["natGateway"]["id"] for one in subnets}) == 1
    (vnet,) = prod.of_type("azure-native:network:VirtualNetwork")
    assert "subnets" not in vnet.inputs


def test_etcd_is_reached_by_masters_and_members_alone(prod: Recording) -> None:
    found = rules(prod, "etcd")
    assert found["masters"]["sourceAddressPrefix"] == "10.0.1.0/24"
    assert found["masters"]["destinationPortRanges"] == ["2379", "2381"]
    assert found["members"]["sourceAddressPrefix"] == "10.0.0.0/24"
    assert found["others"]["access"] == "Deny"
    assert all(found["others"]["priority"] > rule["priority"] for rule in allowed(found))


def test_probes_reach_masters_before_the_rule_that_refuses_the_rest(prod: Recording) -> None:
    found = rules(prod, "masters")
    assert found["probe"]["sourceAddressPrefix"] == "AzureLoadBalancer"
    assert all(found["others"]["priority"] > rule["priority"] for rule in allowed(found))
    assert "public-api" not in found


def allowed(found: dict[str, Any]) -> list[Any]:
    return [rule for rule in found.values() if rule["access"] == "Allow"]


def test_the_public_api_is_a_balancer_a_name_and_a_rule_for_the_allowed_ranges() -> None:
    api = {"public": {"allowedRanges": ["203.0.113.0/24", "198.51.100.0/24"]}}
    public = run(settings(api=api), known=False)
    added = {one.name for one in public.registrations} - {
        one.name for one in recorded("prod", False).registrations
    }
    assert added == {"prod-api-public", "prod-api-public-address"}
    assert (
        rules(public, "masters")["public-api"]["sourceAddressPrefixes"]
        == (api["public"]["allowedRanges"])
    )
    address = public.named("prod-api-public-address").inputs["dnsSettings"]["domainNameLabel"]
    host = f"{address}.westeurope.cloudapp.azure.com"
    assert public.stack_outputs["api_server"] == f"https://{host}:6443"
    assert host in public.named("prod-pki-apiserver-request").inputs["dnsNames"]
    (nic,) = public.named("prod-master-a-nic").inputs["ipConfigurations"]
    assert len(nic["loadBalancerBackendAddressPools"]) == 2


def test_other_zones_leave_alone_what_azure_never_moves_to_another_zone() -> None:
    """Frontends, their address and the storage account: all zones or none, and never some."""

    def fixed(zones: list[str]) -> list[Any]:
        api = {"public": {"allowedRanges": ["203.0.113.0/24"]}}
        made = run(settings(api=api, zones=zones), known=False)
        internal, public = (
            made.named(f"prod-api-{side}").inputs["frontendIPConfigurations"][0]
            for side in ("internal", "public")
        )
        # A public frontend's are its address's.
        assert "zones" not in public
        address = made.named("prod-api-public-address").inputs
        accounts = made.of_type("azure-native:storage:StorageAccount")
        (sku,) = (each.inputs["sku"] for each in accounts if each.name == "prod-storage")
        return [internal.get("zones"), address.get("zones"), sku["name"]]

    assert fixed([]) == [None, None, "Standard_LRS"]
    for zones in (["1"], ["1", "2"], ["1", "2", "3"]):
        assert fixed(zones) == [["1", "2", "3"], ["1", "2", "3"], "Standard_ZRS"]


def test_the_balancers_parts_name_each_other_by_full_id_and_its_probe_leaves_events_out(
    prod: Recording,
) -> None:
    balancer = prod.named("prod-api-internal").inputs
    subscription = settings()["azure-native:subscriptionId"]
    base = (
        f"/subscriptions/{subscription}/resourceGroups/prod-control"
        "/providers/Microsoft.Network/loadBalancers/prod-api-internal"
    )
    (rule,) = balancer["loadBalancingRules"]
    assert rule["frontendIPConfiguration"]["id"] == f"{base}/frontendIPConfigurations/api"
    assert rule["backendAddressPool"]["id"] == f"{base}/backendAddressPools/masters"
    assert rule["probe"]["id"] == f"{base}/probes/readyz"
    (probe,) = balancer["probes"]
    assert probe["requestPath"] == (
        "/readyz?exclude=etcd-override-0&exclude=etcd-override-readiness-0"
    )
    (frontend,) = balancer["frontendIPConfigurations"]
    assert frontend["privateIPAddress"] == "10.0.1.9"


def test_a_machine_has_exactly_one_identity_its_roles(prod: Recording) -> None:
    machines = [*prod.of_type(VM), *prod.of_type(SCALE_SET)]
    for one in machines:
        (identity,) = one.inputs["identity"]["userAssignedIdentities"]
        role = "node" if one.type == SCALE_SET else one.name.split("-")[1]
        assert identity.endswith(f"/userAssignedIdentities/prod-{role}")


def test_images_disks_and_trusted_launch_follow_the_size(prod: Recording) -> None:
    old = prod.named("prod-cpu-a").inputs["virtualMachineProfile"]
    assert old["storageProfile"]["imageReference"]["sku"] == "server-gen1"
    assert old["storageProfile"]["osDisk"]["managedDisk"]["storageAccountType"] == (
        "StandardSSD_LRS"
    )
    assert "securityProfile" not in old
    new = prod.named("prod-etcd-a-vm").inputs
    assert new["storageProfile"]["imageReference"]["sku"] == "server"
    assert new["storageProfile"]["osDisk"]["managedDisk"]["storageAccountType"] == "Premium_LRS"
    assert new["securityProfile"]["securityType"] == "TrustedLaunch"


def test_sizes_without_scsi_say_so(prod: Recording) -> None:
    etcd = prod.named("prod-etcd-a-vm").inputs["storageProfile"]
    assert etcd["diskControllerType"] == "NVMe"
    pool = prod.named("prod-cpu-a").inputs["virtualMachineProfile"]["storageProfile"]
    assert "diskControllerType" not in pool


def test_a_durable_learner_has_a_disk_that_outlives_it(prod: Recording) -> None:
    disk = prod.named("prod-etcd-learner-disk")
    assert disk.inputs["creationData"] == {"createOption": "Empty"}
    vm = prod.named("prod-etcd-learner-vm")
    assert disk.urn in vm.dependencies
    (attached,) = vm.inputs["storageProfile"]["dataDisks"]
    assert attached["managedDisk"]["id"].endswith("/disks/prod-etcd-learner-data")
    assert (attached["createOption"], attached["deleteOption"]) == ("Attach", "Detach")
    assert (attached["lun"], attached["caching"]) == (0, "None")
    assert disk.inputs["zones"] == vm.inputs["zones"] == ["3"]


def test_members_are_spread_over_zones(prod: Recording) -> None:
    zones = [prod.named(f"prod-etcd-{key}-vm").inputs["zones"] for key in "abcde"]
    assert zones == [["1"], ["2"], ["3"], ["1"], ["2"]]


def test_scale_sets_are_what_thousands_of_nodes_need(prod: Recording) -> None:
    for one in prod.of_type(SCALE_SET):
        assert one.inputs["orchestrationMode"] == "Uniform"
        assert one.inputs["singlePlacementGroup"] is False
        assert one.inputs["overprovision"] is False
        assert one.inputs["upgradePolicy"] == {"mode": "Manual"}
        assert one.inputs["platformFaultDomainCount"] == 1
        assert {"min", "max"} <= set(one.inputs["tags"])


def test_cluster_dns_has_the_documents_label_and_never_shares_a_machine(prod: Recording) -> None:
    deployment = prod.named("prod-dns-deployment-kube-dns").inputs["spec"]
    assert deployment["template"]["metadata"]["labels"] == {"k8s-app": "kube-dns"}
    affinity = deployment["template"]["spec"]["affinity"]["podAntiAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term == {
        "labelSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    assert prod.named("prod-dns-service-kube-dns").inputs["spec"]["clusterIP"] == "10.96.0.10"


def test_dns_pods_never_outnumber_the_nodes_that_take_them() -> None:
    dns = recorded("local", True).named("local-dns-deployment-kube-dns")
    assert dns.inputs["spec"]["replicas"] == 2


def test_dns_follows_what_the_pools_may_grow_to() -> None:
    name = "prod-dns-deployment-kube-dns"
    assert recorded("prod", True).named(name).inputs["spec"]["replicas"] == 13
    without_caches = run(settings(addons={}), known=False).named(name)
    assert without_caches.inputs["spec"]["replicas"] == 20, "as many as there are system nodes"
