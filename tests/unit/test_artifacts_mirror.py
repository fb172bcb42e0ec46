"""Where machines fetch from: a mirror that all may read, or Blob storage with their identity."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from kilonode import artifacts, metadata, web
from kilonode.artifacts import Artifact, ArtifactError

from config.settings import of_stack
from config.topology import topology
from tests.checksums import checksums
from tests.unit.http_server import Answer, Request, serving
from tests.unit.program_recorder import ROLE_ASSIGNMENT, Recording, run, settings
from tests.unit.test_machine_units import unit, values

CONTENT = b"a program"
CONTAINER = "azure-native:storage:BlobContainer"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "token", lambda resource: f"token for {resource}")


def asked(tmp_path: Path, answer: Answer) -> list[Request]:
    """What a machine asks its mirror, on loopback."""
    requests: list[Request] = []

    def answered(request: Request) -> Answer:
        requests.append(request)
        return answer

    sha256 = hashlib.sha256(CONTENT).hexdigest()
    artifact = Artifact("tool", "https://official/x/tool", sha256, {"": str(tmp_path / "tool")})
    with serving(answered) as url:
        try:
            artifacts.install(artifact, f"{url}/artifacts", tmp_path)
        finally:
            assert [one.path for one in requests] == ["/artifacts/official/x/tool"]
    return requests


def test_blob_storage_is_asked_with_the_machines_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "_BLOB_STORAGE", "127.0.0.1")
    (request,) = asked(tmp_path, Answer(CONTENT))
    assert request.headers["authorization"] == "Bearer token for https://storage.azure.com"
    # Azure refuses a token in requests of versions before it knew them.
    assert request.headers["x-ms-version"] >= "2017-11-09"


def test_any_other_mirror_gets_no_token(tmp_path: Path) -> None:
    """It would be one to all of Blob storage that the machine may read."""
    (request,) = asked(tmp_path, Answer(CONTENT))
    assert "authorization" not in request.headers


def test_a_container_that_is_being_filled_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster's own comes with the first update, while its machines already wait."""
    with pytest.raises(ArtifactError, match="404"):
        asked(tmp_path, Answer(status=404))
    monkeypatch.setattr(artifacts, "_BLOB_STORAGE", "127.0.0.1")
    with pytest.raises(web.ERRORS, match="404"):
        asked(tmp_path, Answer(status=404))


@pytest.mark.parametrize(
    ("folder", "name"),
    [("common", "artifacts"), ("node", "pause-image"), ("node", "preloaded-images")],
)
def test_what_fetches_from_a_mirror_reaches_the_metadata_service(folder: str, name: str) -> None:
    """Where pods run, the firewall keeps all others from it."""
    assert values(unit(folder, f"{name}.service"), "Slice") == ["metadata.slice"]


def recording(mirror: str) -> Recording:
    values = {"mirror": mirror, "checksums": checksums("local")}
    return run(settings("local", artifacts=values), known=False)


def test_the_clusters_own_account_as_mirror_is_a_container_that_all_machines_may_read() -> None:
    plan = topology(of_stack("local"))
    own = recording(plan.artifacts_url)
    (container,) = (one for one in own.of_type(CONTAINER) if one.name.endswith("-artifacts"))
    assert container.inputs["containerName"] == "artifacts"
    assert container.inputs["publicAccess"] == "None"
    grants = [one for one in own.of_type(ROLE_ASSIGNMENT) if "-artifacts-for-" in one.name]
    roles = {one.name.rpartition("-")[2] for one in grants}
    assert roles == {"etcd", "events", "master", "node"}
    for one in grants:
        assert one.inputs["scope"].endswith("/containers/artifacts")
        # Storage Blob Data Reader: whoever may write could keep all machines from coming up.
        assert "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1" in json.dumps(one.inputs)


def test_another_mirror_makes_no_container() -> None:
    names = [
        one.inputs["containerName"] for one in recording("https://m.example.com").of_type(CONTAINER)
    ]
    assert "artifacts" not in names
