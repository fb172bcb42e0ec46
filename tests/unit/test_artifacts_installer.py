"""Pinned programs on a machine: checked before they are put in place, skipped when there."""

import hashlib
import io
import itertools
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from kilonode import artifacts, web
from kilonode.artifacts import Artifact, ArtifactError

from tests.unit.http_server import Answer, Request, serving

PROGRAM = b"#!/bin/sh\necho hello\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as writer:
        for name, content in members.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(content)
            writer.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def linking_archive(name: str, target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as writer:
        entry = tarfile.TarInfo(name)
        entry.type = tarfile.SYMTYPE
        entry.linkname = target
        writer.addfile(entry)
    return buffer.getvalue()


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilonode.web.time.sleep", lambda _: None)


def always(body: bytes) -> Callable[[Request], Answer]:
    return lambda _: Answer(body)


def install(
    content: bytes, members: dict[str, str], records: Path, expected: str | None = None
) -> Artifact:
    with serving(always(content)) as url:
        artifact = Artifact("tool", f"{url}/tool", expected or sha256(content), members)
        artifacts.install(artifact, "", records)
    return artifact


def test_a_single_program_is_installed_executable(tmp_path: Path, records: Path) -> None:
    target = tmp_path / "bin" / "tool"
    artifact = install(PROGRAM, {"": str(target)}, records)
    assert target.read_bytes() == PROGRAM
    assert target.stat().st_mode & 0o777 == 0o755
    assert artifacts.is_installed(artifact, records)


def test_only_the_named_members_leave_an_archive(tmp_path: Path, records: Path) -> None:
    content = archive(tool_v1__tool=PROGRAM, tool_v1__other=b"x", **{".__bridge": b"bridge"})
    places = {"tool_v1/tool": str(tmp_path / "bin/tool"), "./bridge": str(tmp_path / "cni/bridge")}
    artifact = install(content, places, records)
    assert (tmp_path / "bin/tool").read_bytes() == PROGRAM
    assert (tmp_path / "cni/bridge").read_bytes() == b"bridge"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "bridge",
        "tool",
        "tool.json",
    ]
    assert artifacts.is_installed(artifact, records)


def test_a_wrong_hash_installs_nothing_and_names_both_hashes(tmp_path: Path, records: Path) -> None:
    target = tmp_path / "bin" / "tool"
    expected = sha256(b"what was promised")
    with pytest.raises(ArtifactError) as failure:
        install(PROGRAM, {"": str(target)}, records, expected)
    message = str(failure.value)
    assert "tool" in message
    assert expected in message
    assert sha256(PROGRAM) in message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_program_without_a_hash_is_not_even_downloaded(tmp_path: Path, records: Path) -> None:
    artifact = Artifact("tool", "https://nowhere.invalid/tool", None, {"": str(tmp_path / "tool")})
    with pytest.raises(ArtifactError, match=r"kilonode:artifacts\.checksums"):
        artifacts.install(artifact, "", records)


def test_a_wrong_hash_leaves_the_installed_program_alone(tmp_path: Path, records: Path) -> None:
    target = tmp_path / "tool"
    install(PROGRAM, {"": str(target)}, records)
    with pytest.raises(ArtifactError):
        install(b"evil", {"": str(target)}, records, sha256(b"newer"))
    assert target.read_bytes() == PROGRAM


@pytest.mark.parametrize("damage", ["changed", "removed", "record lost", "newer wanted"])
def test_what_is_not_there_as_it_should_be_is_installed_again(
    damage: str, tmp_path: Path, records: Path
) -> None:
    target = tmp_path / "tool"
    artifact = install(archive(tool=PROGRAM), {"tool": str(target)}, records)
    match damage:
        case "changed":
            target.write_bytes(b"other")
        case "removed":
            target.unlink()
        case "record lost":
            (records / "tool.json").unlink()
        case "newer wanted":
            artifact = Artifact("tool", artifact.url, sha256(b"newer"), artifact.install)
    assert not artifacts.is_installed(artifact, records)


def test_a_program_that_the_image_has_needs_no_record(tmp_path: Path, records: Path) -> None:
    target = tmp_path / "tool"
    target.write_bytes(PROGRAM)
    artifact = Artifact("tool", "https://nowhere.invalid/tool", sha256(PROGRAM), {"": str(target)})
    assert artifacts.is_installed(artifact, records)


def test_an_archive_without_the_member_is_refused(tmp_path: Path, records: Path) -> None:
    with pytest.raises(ArtifactError, match="'tool'"):
        install(archive(other=b"x"), {"tool": str(tmp_path / "tool")}, records)


def test_a_link_in_the_place_of_a_member_is_refused(tmp_path: Path, records: Path) -> None:
    content = linking_archive("tool", "/etc/shadow")
    with pytest.raises(ArtifactError, match="no regular file 'tool'"):
        install(content, {"tool": str(tmp_path / "tool")}, records)
    assert not (tmp_path / "tool").exists()


def test_an_answer_that_breaks_off_may_be_asked_for_again(tmp_path: Path, records: Path) -> None:
    with serving(lambda _: Answer(PROGRAM[:5], length=len(PROGRAM))) as url:
        artifact = Artifact("tool", f"{url}/tool", sha256(PROGRAM), {"": str(tmp_path / "tool")})
        with pytest.raises(web.ERRORS):
            artifacts.install(artifact, "", records)
    assert not (tmp_path / "tool").exists()


def test_a_download_that_does_not_exist_fails_at_once(tmp_path: Path, records: Path) -> None:
    answers = [Answer(status=404)]
    with serving(lambda _: answers.pop(0)) as url:
        artifact = Artifact("tool", f"{url}/tool", sha256(PROGRAM), {"": str(tmp_path / "tool")})
        with pytest.raises(ArtifactError, match="404"):
            artifacts.install(artifact, "", records)


def test_a_mirror_has_host_and_path_of_the_official_url(tmp_path: Path, records: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(PROGRAM)

    official = "https://dl.k8s.io/v1.36.3/bin/linux/amd64/kubelet"
    with serving(answer) as url:
        artifact = Artifact("kubelet", official, sha256(PROGRAM), {"": str(tmp_path / "kubelet")})
        artifacts.install(artifact, f"{url}/", records)
    assert asked == ["/dl.k8s.io/v1.36.3/bin/linux/amd64/kubelet"]


def test_without_a_mirror_the_official_url_is_asked() -> None:
    assert artifacts.mirrored("https://dl.k8s.io/x", "") == "https://dl.k8s.io/x"


@pytest.fixture
def run(
    tmp_path: Path, records: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], None]:
    """Runs the program with a manifest of one tool, at this URL and with this hash."""
    manifest = tmp_path / "artifacts.json"
    monkeypatch.setattr(artifacts, "MANIFEST", manifest)
    monkeypatch.setattr(artifacts, "RECORDS", records)
    monkeypatch.setattr(artifacts, "environment", lambda: {"ARTIFACT_MIRROR": ""})

    def main(url: str, expected: str) -> None:
        install = {"": str(tmp_path / "tool")}
        entry = {"name": "tool", "url": url, "sha256": expected, "install": install}
        manifest.write_text(json.dumps([entry]))
        artifacts.main()

    return main


def test_the_program_installs_the_manifest_once(
    run: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(always(PROGRAM)) as url:
        run(f"{url}/tool", sha256(PROGRAM))
        assert "tool: installed" in capsys.readouterr().err
        run(f"{url}/tool", sha256(PROGRAM))
        assert "tool: already here" in capsys.readouterr().err
        with pytest.raises(SystemExit, match=f"tool: .*expected sha256 {'0' * 64}"):
            run(f"{url}/tool", "0" * 64)


def test_a_mirror_that_is_away_for_hours_is_asked_until_it_is_back(
    run: Callable[[str, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever requires the programs is not started again by itself once this has given up."""
    hours = itertools.count(step=3600)
    clock = SimpleNamespace(sleep=lambda _: None, monotonic=lambda: float(next(hours)))
    monkeypatch.setattr("kilonode.web.time", clock)
    bad = Answer(status=503)
    answers = [bad, Answer(status=503, headers={"Retry-After": "1"}), Answer(status=429), bad, bad]
    answers += [Answer(PROGRAM[:5], length=len(PROGRAM)), Answer(PROGRAM)]
    with serving(lambda _: answers.pop(0)) as url:
        run(f"{url}/tool", sha256(PROGRAM))
    assert (tmp_path / "tool").read_bytes() == PROGRAM
    assert not answers
