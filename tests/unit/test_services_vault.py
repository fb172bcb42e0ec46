"""The vault shows a secret to a principal with the role for it, and to nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.arm.data import SECRETS_USER
from local_azure.services.access import Roles, Tokens
from local_azure.services.vault import AUDIENCE, VaultService
from tests.unit.services_world import VAULT, Client, World, serving

ETCD = "/secrets/etcd?api-version=7.4"
MASTER = "/secrets/master?api-version=7.4"
DELAY = 0.3


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.put("keyvault:Secret", f"{VAULT}/secrets/master", {"properties": {"value": "keys"}})
    return world


@pytest.fixture
def ask(world: World) -> Iterator[Client]:
    service = VaultService(world.store, world.tokens, Roles(world.store, DELAY))
    with serving(service.application(), "c-vault-1.vault.azure.net") as client:
        yield client


def bearer(world: World, audience: str = AUDIENCE, seconds: int = 60) -> str:
    return "Bearer " + world.tokens.issue("principal of c-etcd", audience, seconds)


def test_a_role_at_the_secret_reads_it(world: World, ask: Client) -> None:
    answer = ask(ETCD, Authorization=bearer(world))
    assert (answer.status, answer.json["value"]) == (200, "bundle")
    assert answer.json["id"].startswith("https://c-vault-1.vault.azure.net/secrets/etcd/")
    assert answer.json["attributes"]["enabled"] is True


def test_a_version_is_read_by_its_id_until_the_value_changes(world: World, ask: Client) -> None:
    id = ask(ETCD, Authorization=bearer(world)).json["id"]
    path = id.removeprefix("https://c-vault-1.vault.azure.net") + "?api-version=7.4"
    assert ask(path, Authorization=bearer(world)).json["value"] == "bundle"
    world.put("keyvault:Secret", f"{VAULT}/secrets/etcd", {"properties": {"value": "renewed"}})
    assert ask(path, Authorization=bearer(world)).json["error"]["code"] == "SecretNotFound"
    assert ask(ETCD, Authorization=bearer(world)).json["value"] == "renewed"


def test_without_a_token_the_vault_says_where_to_get_one(ask: Client) -> None:
    answer = ask(ETCD)
    assert (answer.status, answer.json["error"]["code"]) == (401, "Unauthorized")
    challenge = answer.headers["WWW-Authenticate"]
    assert 'authorization="https://login.windows.net/a-tenant"' in challenge
    assert 'resource="https://vault.azure.net"' in challenge


@pytest.mark.parametrize(
    "authorization",
    ["Bearer nonsense", "Bearer a.b.c", "Basic Zm9v", ""],
)
def test_a_made_up_token_is_refused(ask: Client, authorization: str) -> None:
    assert ask(ETCD, Authorization=authorization).status == 401


def test_a_token_for_another_service_is_refused(world: World, ask: Client) -> None:
    assert ask(ETCD, Authorization=bearer(world, "https://storage.azure.com")).status == 401


def test_an_expired_token_is_refused(world: World, ask: Client) -> None:
    assert ask(ETCD, Authorization=bearer(world, seconds=-1)).status == 401


def test_a_token_of_another_key_is_refused(tmp_path: Path, ask: Client) -> None:
    stranger = Tokens(tmp_path / "another.key").issue("principal of c-etcd", AUDIENCE)
    assert ask(ETCD, Authorization=f"Bearer {stranger}").status == 401


def test_tokens_outlive_the_daemon(world: World, ask: Client) -> None:
    later = Tokens(world.path / "token.key").issue("principal of c-etcd", AUDIENCE)
    assert ask(ETCD, Authorization=f"Bearer {later}").status == 200


def test_another_roles_secret_is_forbidden(world: World, ask: Client) -> None:
    answer = ask(MASTER, Authorization=bearer(world))
    assert answer.status == 403
    assert answer.json["error"]["innererror"] == {"code": "ForbiddenByRbac"}


def test_whether_a_forbidden_secret_exists_is_not_said(world: World, ask: Client) -> None:
    absent = ask("/secrets/absent?api-version=7.4", Authorization=bearer(world))
    assert absent.status == 403


def test_a_role_at_the_vault_reaches_its_secrets_after_a_delay(world: World, ask: Client) -> None:
    world.assign("3", SECRETS_USER, VAULT)
    assert ask(MASTER, Authorization=bearer(world)).status == 403
    assert ask(ETCD, Authorization=bearer(world)).status == 200, "old assignments stay in force"
    deadline = time.monotonic() + 10 * DELAY
    while time.monotonic() < deadline:
        if ask(MASTER, Authorization=bearer(world)).status == 200:
            break
    else:
        pytest.fail("the assignment never came into force")
    absent = ask("/secrets/absent?api-version=7.4", Authorization=bearer(world))
    assert (absent.status, absent.json["error"]["code"]) == (404, "SecretNotFound")


def test_a_version_of_the_api_is_needed(world: World, ask: Client) -> None:
    assert ask("/secrets/etcd", Authorization=bearer(world)).status == 400


def test_an_unknown_vault_is_not_found(world: World, ask: Client) -> None:
    answer = ask(ETCD, Authorization=bearer(world), Host="other.vault.azure.net")
    assert answer.status == 404
