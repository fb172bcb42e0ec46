"""The program under mocks: certificates, and the bundles that bring them to machines."""

import json
from typing import Any

import pytest

from tests.unit.program_recorder import SECRET, Recording, Registration, recorded, reveal

REQUEST = "tls:index/certRequest:CertRequest"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
KEY_PAIR = ("crt", "key")


@pytest.fixture
def prod() -> Recording:
    return recorded("prod", True)


def bundle(recording: Recording, role: str) -> Any:
    (secret,) = (one for one in recording.of_type(SECRET) if one.inputs["secretName"] == role)
    return json.loads(reveal(secret.inputs["properties"]["value"]))


def subject(request: Registration) -> tuple[str, str | None]:
    return request.inputs["subject"]["commonName"], request.inputs["subject"].get("organization")


def test_the_day_on_which_the_first_certificate_ends_is_an_output(prod: Recording) -> None:
    """A year without an update ends the cluster, and nothing else says when."""
    assert prod.stack_outputs["certificates_valid_until"] == "2027-01-01T00:00:00Z"


def test_bundles_hold_what_each_role_needs_and_authority_keys_stay_on_masters(
    prod: Recording,
) -> None:
    node_files = {
        "kubernetes/ca.crt",
        *(f"kubernetes/{name}.{end}" for name in ("bootstrap", "kube-proxy") for end in KEY_PAIR),
    }
    clients = ["apiserver", "apiserver-kubelet-client", "controller-manager", "scheduler"]
    clients += ["manifests", "csr-approver"]
    assert set(bundle(prod, "node")["files"]) == node_files
    assert set(bundle(prod, "master")["files"]) == node_files | {
        "kubernetes/ca.key",
        *(f"kubernetes/{name}.{end}" for name in clients for end in KEY_PAIR),
        "kubernetes/service-account.key",
        "kubernetes/service-account.pub",
        "kubernetes/encryption.yaml",
        "front-proxy/ca.crt",
        *(f"front-proxy/client.{end}" for end in KEY_PAIR),
        "etcd/ca.crt",
        *(f"etcd/client.{end}" for end in KEY_PAIR),
    }


def test_etcd_machines_get_what_their_clusters_members_share_and_no_authoritys_key(
    prod: Recording,
) -> None:
    for role in ("etcd", "events"):
        assert set(bundle(prod, role)["files"]) == {
            "etcd/ca.crt",
            "etcd/declared.json",
            *(f"etcd/member.{end}" for end in KEY_PAIR),
        }


def test_etcd_machines_learn_from_their_bundle_who_is_declared(prod: Recording) -> None:
    assert json.loads(bundle(prod, "events")["files"]["etcd/declared.json"]) == {
        "founder": "prod-events-a",
        "voters": {f"prod-events-{key}": f"10.0.0.{30 + place}" for place, key in enumerate("abc")},
        "learner": None,
    }
    main = json.loads(bundle(prod, "etcd")["files"]["etcd/declared.json"])
    assert list(main["voters"]) == [f"prod-etcd-{key}" for key in "abcde"]
    assert main["learner"] == {"name": "prod-etcd-learner", "address": "10.0.0.19"}


def test_certificates_name_the_subjects_that_the_bindings_are_for(prod: Recording) -> None:
    subjects = {
        one.name.removeprefix("prod-pki-").removesuffix("-request"): subject(one)
        for one in prod.of_type(REQUEST)
    }
    assert subjects == {
        "admin": ("kilonode-admin", "kilonode:administrators"),
        "apiserver": ("kube-apiserver", None),
        "apiserver-kubelet-client": ("kilonode:apiserver", "kilonode:apiserver-kubelet-client"),
        "bootstrap-master": ("kilonode:bootstrap-master", "system:bootstrappers"),
        "bootstrap-node": ("kilonode:bootstrap", "system:bootstrappers"),
        "break-glass": ("kilonode-break-glass", "system:masters"),
        "controller-manager": ("system:kube-controller-manager", None),
        "csr-approver": ("kilonode:csr-approver", None),
        "etcd": ("etcd-member", None),
        "etcd-client": ("kube-apiserver", None),
        "events": ("events-member", None),
        "front-proxy-client": ("front-proxy-client", None),
        "kube-proxy": ("system:kube-proxy", None),
        "manifests": ("kilonode:manifests", "system:masters"),
        "scheduler": ("system:kube-scheduler", None),
    }


def test_the_apiservers_certificate_serves_every_way_to_it(prod: Recording) -> None:
    request = prod.named("prod-pki-apiserver-request")
    assert set(request.inputs["dnsNames"]) == {
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    }
    candidates = {f"10.0.1.{last}" for last in range(10, 19)}
    assert set(request.inputs["ipAddresses"]) == candidates | {
        "10.96.0.1",
        "10.0.1.9",
        "127.0.0.1",
    }


def test_a_members_certificate_serves_all_addresses_so_that_growing_changes_none(
    prod: Recording,
) -> None:
    """Members know each other by address alone."""
    request = prod.named("prod-pki-events-request")
    assert request.inputs["dnsNames"] == ["localhost"]
    voters, learner = {f"10.0.0.{last}" for last in range(30, 39)}, "10.0.0.39"
    assert set(request.inputs["ipAddresses"]) == voters | {learner, "127.0.0.1"}
    signed = prod.named("prod-pki-events")
    assert {"server_auth", "client_auth"} <= set(signed.inputs["allowedUses"])


def test_service_accounts_tokens_are_signed_with_what_entra_takes(prod: Recording) -> None:
    """With another key no add-on would ever act on Azure: no volume, no load balancer, no node."""
    key = prod.named("prod-pki-service-account")
    assert key.inputs["algorithm"] == "RSA"
    assert key.inputs["rsaBits"] == 2048


def test_certificates_renew_long_before_they_end_and_authorities_never_by_themselves(
    prod: Recording,
) -> None:
    for signed in prod.of_type(SIGNED):
        assert 30 * 24 < signed.inputs["earlyRenewalHours"] < signed.inputs["validityPeriodHours"]
    for authority in prod.of_type("tls:index/selfSignedCert:SelfSignedCert"):
        assert "earlyRenewalHours" not in authority.inputs
