"""The program under mocks: structure, secrets, lifecycle options."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from config.user_data import decode
from tests.unit.program_recorder import (
    GATE,
    PLANTED,
    PLANTED_ENCRYPTION_KEY,
    ROLE_ASSIGNMENT,
    SCALE_SET,
    SECRET,
    VM,
    Recording,
    Registration,
    is_known,
    is_secret,
    recorded,
    reveal,
    run,
    settings,
)

# The stack, and the providers of Kubernetes and TLS: no program registers those.
ENGINES_OWN = 3
TOKENS = {
    "kilonode:addons:Addon",
    "kilonode:cluster:Cluster",
    "kilonode:compute:Machine",
    "kilonode:etcd:Etcd",
    "kilonode:etcd:Learner",
    "kilonode:identity:Identities",
    "kilonode:identity:TokenIssuer",
    "kilonode:identity:Vault",
    "kilonode:identity:WorkloadIdentity",
    "kilonode:masters:Masters",
    "kilonode:network:LoadBalancer",
    "kilonode:network:Network",
    "kilonode:nodes:NodePool",
    "kilonode:pki:Pki",
    "kilonode:storage:Storage",
}
# What only a created resource can tell: whom a role is given to, and as whom an add-on asks Azure.
UNKNOWN_IN_A_PREVIEW = {
    (ROLE_ASSIGNMENT, "principalId"),
    ("kubernetes:apps/v1:Deployment", "spec.template.spec.containers[].env[].value"),
}


@pytest.fixture(params=[False, True], ids=["unknown", "known"])
def prod(request: pytest.FixtureRequest) -> Recording:
    return recorded("prod", request.param)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value below `value`, secrets left out."""
    if is_secret(value):
        return
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one, f"{path}[]")
    else:
        yield path, value


def custom_data(vm: Registration) -> Any:
    if vm.type == VM:
        return vm.inputs["osProfile"]["customData"]
    return vm.inputs["virtualMachineProfile"]["osProfile"]["customData"]


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_the_same_resources_are_declared_whether_outputs_are_known_or_not(stack: str) -> None:
    assert sorted(recorded(stack, False).urns) == sorted(recorded(stack, True).urns)


def test_no_two_resources_share_a_urn(prod: Recording) -> None:
    assert [urn for urn, count in Counter(prod.urns).items() if count > 1] == []


def test_component_tokens_are_the_listed_ones(prod: Recording) -> None:
    assert {one.type for one in prod.registrations if not one.custom} == TOKENS


def test_every_resource_is_the_child_of_a_component_and_only_the_cluster_of_the_stack(
    prod: Recording,
) -> None:
    components = {one.urn for one in prod.registrations if not one.custom}
    orphans = [one.name for one in prod.registrations if one.parent not in components]
    assert orphans == ["prod"]


def test_every_resource_is_named_after_its_component(prod: Recording) -> None:
    names = {one.urn: one.name for one in prod.registrations}
    for one in prod.registrations:
        if one.parent in names:
            component = names[one.parent]
            assert one.name == component or one.name.startswith(f"{component}-"), one.urn


def test_every_component_registers_its_outputs(prod: Recording) -> None:
    components = {one.urn for one in prod.registrations if not one.custom}
    assert prod.registered_outputs & set(prod.urns) == components


def test_prod_stays_within_its_count_of_resources() -> None:
    """What a preview takes, and what people read in it, grows with every one of them."""
    registrations = recorded("prod", True).registrations
    azure = [one for one in registrations if one.type.startswith("azure-native:")]
    assert len(azure) <= 150
    assert len(registrations) + ENGINES_OWN <= 280


def test_without_add_ons_prod_is_at_most_200_resources() -> None:
    """A cluster of 2,500 nodes that runs pods, before anybody adds a service to it."""
    registrations = run(settings(addons={}), known=True).registrations
    assert len(registrations) + ENGINES_OWN <= 200


def test_a_thousand_more_nodes_are_one_more_scale_set_and_nothing_else() -> None:
    pools = json.loads(settings()["kilonode:nodePools"])
    pools["cpu"]["scaleSets"]["c"] = {"nodes": 0, "maxNodes": 1000}
    network = json.loads(settings()["kilonode:network"]) | {"podCidr": "10.128.0.0/11"}
    larger = run(settings(nodePools=pools, network=network), known=False)
    added = set(larger.urns) ^ set(recorded("prod", False).urns)
    assert [urn.rsplit("::", 1)[1] for urn in added] == ["prod-cpu-c"]


def test_no_planted_secret_is_readable_in_any_input() -> None:
    for one in recorded("prod", True).registrations:
        for path, value in leaves(dict(one.inputs)):
            for secret in (PLANTED, PLANTED_ENCRYPTION_KEY):
                assert secret not in str(value), f"{one.urn} shows a private key in {path}"


def test_planted_secrets_do_reach_the_bundles_and_the_kubeconfig() -> None:
    recording = recorded("prod", True)
    bundles = [json.loads(reveal(one.inputs["properties"]["value"])) for one in secrets(recording)]
    assert all(PLANTED in json.dumps(bundle) for bundle in bundles)
    assert recording.secret_outputs == {"kubeconfig", "break_glass_kubeconfig"}


def secrets(recording: Recording) -> list[Registration]:
    return recording.of_type(SECRET)


def test_a_preview_knows_everything_but_keys_and_principals() -> None:
    unknown = {
        (one.type, path)
        for one in recorded("prod", False).registrations
        for path, value in leaves(dict(one.inputs))
        if not is_known(value) and not one.type.startswith("tls:")
    }
    assert unknown == UNKNOWN_IN_A_PREVIEW


def test_user_data_is_a_known_text_that_decodes(prod: Recording) -> None:
    machines = [*prod.of_type(VM), *prod.of_type(SCALE_SET)]
    assert len(machines) == 16
    for machine in machines:
        assert "/etc/kilonode/machine.env" in decode(custom_data(machine))


def test_machines_ask_for_tokens_of_the_very_identity_that_they_are_given(prod: Recording) -> None:
    """A company's policy may give a VM a second one, which would answer if nobody were named."""
    for machine in [*prod.of_type(VM), *prod.of_type(SCALE_SET)]:
        (identity,) = machine.inputs["identity"]["userAssignedIdentities"]
        environment = decode(custom_data(machine))["/etc/kilonode/machine.env"].content
        assert f'IDENTITY_ID="{identity}"' in environment


@pytest.mark.parametrize(
    ("section", "members", "gone"),
    [
        (
            "etcd",
            {"main": {"members": ["a", "c", "e"]}},
            {"prod-etcd-b", "prod-etcd-d", "prod-etcd-learner"},
        ),
        ("masters", {"members": ["a", "c"]}, {"prod-master-b"}),
    ],
    ids=["etcd", "masters"],
)
def test_removing_a_middle_member_leaves_every_other_urn(
    section: str, members: dict[str, Any], gone: set[str]
) -> None:
    values = json.loads(settings()[f"kilonode:{section}"]) | members
    before = set(recorded("prod", False).urns)
    after = set(run(settings(**{section: values}), known=False).urns)
    assert after < before
    assert {machine_of(urn) for urn in before - after} == gone


def machine_of(urn: str) -> str:
    """The machine that a resource, or a certificate, belongs to."""
    name = urn.rsplit("::", 1)[1].replace("prod-pki-", "prod-")
    return "-".join(name.split("-")[:3])


def test_a_vm_is_deleted_before_it_is_replaced_and_replaced_for_what_azure_never_changes(
    prod: Recording,
) -> None:
    for vm in prod.of_type(VM):
        assert vm.delete_before_replace
        # Nested paths travel as they are written: in snake_case they would match nothing.
        assert set(vm.replace_on_changes) >= {
            "osProfile.customData",
            "osProfile.computerName",
            "osProfile.adminUsername",
            "osProfile.linuxConfiguration.ssh",
            "storageProfile.imageReference",
            "hardwareProfile.vmSize",
        }
        assert not any("_" in path for path in vm.replace_on_changes)


@pytest.mark.parametrize(
    "path",
    [
        # A cluster may sleep while somebody looks at a preview.
        pytest.param("storageProfile.osDisk.managedDisk.storageAccountType", id="deallocated"),
        pytest.param("osProfile.linuxConfiguration.patchSettings.assessmentMode", id="policy"),
    ],
)
def test_no_vm_is_replaced_for_what_a_refresh_finds_changed_by_azure(
    prod: Recording, path: str
) -> None:
    for vm in prod.of_type(VM):
        assert not [one for one in vm.replace_on_changes if path.startswith(one)]


def test_what_a_gate_reads_says_when_it_must_run_again(prod: Recording) -> None:
    gates = prod.of_type(GATE)
    assert len(gates) == 22
    for gate in gates:
        assert gate.inputs["asyncExecution"] is False
        assert gate.inputs["treatFailureAsDeploymentFailure"] is True
        (digest,) = (one["value"] for one in gate.inputs["parameters"])
        assert len(digest) == 64


def test_an_update_leaves_a_pools_capacity_alone_and_checks_it_right_before_it_writes(
    prod: Recording,
) -> None:
    for scale_set in prod.of_type(SCALE_SET):
        assert scale_set.ignore_changes == ("sku.capacity",)
        # An ignored path that is not in the inputs is an error of its own.
        assert "capacity" in scale_set.inputs["sku"]
        assert len(scale_set.before_update_hooks) == 1


def test_no_update_deletes_a_scale_set_unless_it_was_announced_to_go() -> None:
    """Its key may be removed by mistake, and a thousand nodes would go with it."""
    assert all(one.protect for one in recorded("prod", False).of_type(SCALE_SET))
    pools = json.loads(settings()["kilonode:nodePools"])
    pools["cpu"]["scaleSets"]["b"] = {"nodes": 0, "maxNodes": 0}
    announced = run(settings(nodePools=pools), known=False)
    unprotected = [one.name for one in announced.of_type(SCALE_SET) if not one.protect]
    assert unprotected == ["prod-cpu-b"]


def test_a_set_that_may_not_grow_may_not_shrink_either(prod: Recording) -> None:
    """The autoscaler takes its limits from the tags."""
    limits = {
        one.name: (one.inputs["tags"]["min"], one.inputs["tags"]["max"])
        for one in prod.of_type(SCALE_SET)
    }
    assert limits["prod-system-a"] == ("20", "20")
    assert limits["prod-cpu-a"] == ("0", "1000")


def test_dns_goes_to_the_nodes_that_are_kept_for_the_clusters_own(prod: Recording) -> None:
    deployment = prod.named("prod-dns-deployment-kube-dns")
    pod = deployment.inputs["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"key": "CriticalAddonsOnly", "operator": "Exists"}]
    (preferred,) = pod["affinity"]["nodeAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    assert preferred["preference"]["matchExpressions"] == [
        {"key": "kubernetes.azure.com/mode", "operator": "In", "values": ["system"]}
    ]
    pools = json.loads(settings()["kilonode:nodePools"])
    assert pools["system"]["labels"] == {"kubernetes.azure.com/mode": "system"}
    assert pools["system"]["taints"] == ["CriticalAddonsOnly=true:NoSchedule"]


def test_dns_is_waited_for_as_long_as_new_nodes_take(prod: Recording) -> None:
    """The deployment's own deadline ends the wait too, so both are the same."""
    deployment = prod.named("prod-dns-deployment-kube-dns")
    assert deployment.inputs["spec"]["progressDeadlineSeconds"] == 1800
    assert deployment.create_timeout == "30m"


def test_what_machines_could_not_install_is_not_built() -> None:
    """They would come up, and the first master's gate fail an hour later."""
    unchecked = settings(artifacts={"checksums": {"flannel": "f" * 64}})
    with pytest.raises(pulumi.RunError, match=r"artifacts\.checksums: none for cri-dockerd"):
        run(unchecked, known=True)
    assert run(unchecked, known=False).registrations, "a preview needs no program"


def test_secrets_go_with_their_vault_and_never_alone(prod: Recording) -> None:
    """Deleting one needs a right inside the vault, which who deploys does not have."""
    assert all(one.retain_on_delete for one in secrets(prod))


def test_a_vm_keeps_its_address_and_loses_its_disk(prod: Recording) -> None:
    for vm in prod.of_type(VM):
        (nic,) = vm.inputs["networkProfile"]["networkInterfaces"]
        assert nic["deleteOption"] == "Detach"
        assert vm.inputs["storageProfile"]["osDisk"]["deleteOption"] == "Delete"
        assert "name" not in vm.inputs["storageProfile"]["osDisk"]


def test_settings_that_are_wrong_stop_the_program_before_anything_is_declared() -> None:
    with pytest.raises(pulumi.RunError, match="kilonode:clusterName"):
        run(settings(clusterName="Not_A_Name"), known=False)
