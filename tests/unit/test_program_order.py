"""The program under mocks: who waits for whom."""

import itertools

import pytest

from config.artifacts import catalog
from tests.unit.program_recorder import ROLE_ASSIGNMENT, SCALE_SET, SECRET, Recording, recorded


@pytest.fixture(params=[False, True], ids=["unknown", "known"])
def prod(request: pytest.FixtureRequest) -> Recording:
    return recorded("prod", request.param)


def test_machines_are_gated_one_after_the_other_in_the_order_of_dependence(
    prod: Recording,
) -> None:
    order = [f"prod-events-{key}" for key in "abc"]
    order += [f"prod-etcd-{key}" for key in "abcde"]
    order += [f"prod-master-{key}" for key in "abc"]
    for before, machine in itertools.pairwise(order):
        gate = prod.named(f"{before}-gate")
        assert prod.named(f"{before}-vm").urn in gate.dependencies
        waiting = prod.named(f"{machine}-vm" if "master" in machine else f"{machine}-preflight")
        if machine == "prod-etcd-a":
            gate = prod.named("prod-events-leave")
        elif machine == "prod-master-a":
            # Its VM is there before etcd is.
            waiting, gate = prod.named("prod-master-a-gate"), prod.named("prod-etcd-leave")
        assert gate.urn in waiting.dependencies


def test_who_is_not_declared_leaves_by_the_word_of_the_last_member_that_stays(
    prod: Recording,
) -> None:
    leave = prod.named("prod-etcd-leave")
    assert prod.named("prod-etcd-e-gate").urn in leave.dependencies
    assert leave.inputs["vmName"] == "prod-etcd-e"
    names = " ".join(f"prod-etcd-{key}" for key in [*"abcde", "learner"])
    assert leave.inputs["source"]["script"] == f"exec /opt/kilonode/bin/etcd-leave {names}"


@pytest.mark.parametrize(
    ("role", "cluster", "keys"), [("events", "events", "abc"), ("etcd", "main", "abcde")]
)
def test_a_master_asks_about_a_cluster_before_any_member_is_touched(
    prod: Recording, role: str, cluster: str, keys: str
) -> None:
    for key in keys:
        command = prod.named(f"prod-{role}-{key}-preflight")
        assert command.urn in prod.named(f"prod-{role}-{key}-vm").dependencies
        assert prod.named("prod-master-a-vm").urn in command.dependencies
        assert command.inputs["vmName"] == "prod-master-a"
        script = command.inputs["source"]["script"]
        assert f"exec /opt/kilonode/bin/etcd-preflight {cluster} --container https://" in script
        (address,) = prod.named(f"prod-{role}-{key}-nic").inputs["ipConfigurations"]
        assert f" --member {address['privateIPAddress']} " in script
        assert f" --version {catalog().artifacts['etcd'].version} " in script


def test_the_asking_master_stands_on_no_etcd_machine(prod: Recording) -> None:
    """Else there would be none to ask before the first of them is deleted."""
    after = {urn.rsplit("::", 1)[1] for urn in prod.named("prod-master-a-vm").dependencies}
    assert not {name for name in after if name.endswith(("-vm", "-gate"))}


def test_the_first_machine_waits_for_its_bundle_its_records_and_the_right_to_both(
    prod: Recording,
) -> None:
    stores = ("/vaults/", "/containers/etcd", "/containers/events")
    rights = [
        one
        for one in prod.of_type(ROLE_ASSIGNMENT)
        if any(store in one.inputs["scope"] for store in stores)
    ]
    needed = [*prod.of_type(SECRET), *rights]
    assert len(needed) == 12
    assert {one.urn for one in needed} <= prod.named("prod-master-a-vm").dependencies


def test_nobody_waits_for_a_durable_learner(prod: Recording) -> None:
    """A dead one must not stop an update of the masters."""
    own = {one.urn for one in prod.registrations if one.name.startswith("prod-etcd-learner")}
    assert prod.named("prod-master-c-gate").urn in prod.named("prod-etcd-learner-vm").dependencies
    waiting = {one.name for one in prod.registrations if one.dependencies & own}
    assert waiting == {f"prod-etcd-learner-{end}" for end in ("vm", "gate")}


def test_nodes_wait_for_the_masters_and_the_cluster_provider_for_both(prod: Recording) -> None:
    gate = prod.named("prod-master-c-gate").urn
    scale_sets = prod.of_type(SCALE_SET)
    assert all(gate in one.dependencies for one in scale_sets)
    provider = prod.named("prod-kubernetes")
    assert {gate, *(one.urn for one in scale_sets)} <= provider.dependencies
