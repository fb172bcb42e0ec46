"""Secrets lie encrypted in etcd, and every master can read them, with a new key as with the old."""

from __future__ import annotations

import base64
import json
import secrets

from tests.api.control_plane import Api, ControlPlane, eventually

PLAIN = "correct horse battery staple"


def create(api: Api, name: str) -> None:
    api.kubectl("create", "secret", "generic", name, f"--from-literal=word={PLAIN}")


def stored(control_plane: ControlPlane, name: str) -> bytes:
    return control_plane.etcd_value(f"/registry/secrets/default/{name}")


def word(api: Api, name: str) -> str:
    encoded: str = api.get(f"secret/{name}")["data"]["word"]
    return base64.b64decode(encoded).decode()


def test_who_reads_etcds_disk_or_a_snapshot_finds_no_secret(
    control_plane: ControlPlane, api: Api
) -> None:
    create(api, "hidden")
    raw = stored(control_plane, "hidden")
    assert raw.startswith(b"k8s:enc:secretbox:v1:a:")
    assert PLAIN.encode() not in raw
    assert base64.b64encode(PLAIN.encode()) not in raw
    assert word(api, "hidden") == PLAIN


def test_another_master_reads_what_this_one_wrote(control_plane: ControlPlane, api: Api) -> None:
    create(api, "shared")
    other = control_plane.start_other_apiserver()
    assert word(other, "shared") == PLAIN


def test_a_new_key_is_taken_without_a_restart_and_the_old_one_still_reads(
    control_plane: ControlPlane, api: Api
) -> None:
    """What a rotation rests on: bundles arrive daily, and no apiserver restarts for them."""
    create(api, "old")
    file = control_plane.master.path("/etc/kilonode/pki/kubernetes/encryption.yaml")
    configuration = json.loads(file.read_text())
    (kinds,) = configuration["resources"]
    keys = kinds["providers"][0]["secretbox"]["keys"]
    keys.insert(0, {"name": "b", "secret": base64.b64encode(secrets.token_bytes(32)).decode()})
    control_plane.master.replace("/etc/kilonode/pki/kubernetes/encryption.yaml", configuration)

    def written_with_the_new_key() -> bool:
        api.kubectl("annotate", "--overwrite", "secret/old", f"touched={secrets.token_hex(4)}")
        return stored(control_plane, "old").startswith(b"k8s:enc:secretbox:v1:b:")

    eventually(written_with_the_new_key, "the apiserver has the new key")
    assert word(api, "old") == PLAIN
    assert stored(control_plane, "hidden").startswith(b"k8s:enc:secretbox:v1:a:")
    assert word(api, "hidden") == PLAIN
