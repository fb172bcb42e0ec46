"""Archives of images are what was asked for by digest, and the same bytes every time (D15)."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchain import image
from toolchain.image import Image
from toolchain.image_archive import Images, Named, PullError, merge
from toolchain.store import Store


def single(folder: Path, name: str, content: bytes) -> Path:
    """An archive of one image with one program."""
    folder.mkdir(exist_ok=True)
    program = folder / f"{name}.program"
    program.write_bytes(content)
    target = folder / f"{name}.tar"
    picture = Image(f"example.com/{name}:1", {"/program": program}, ("/program",), "0:0")
    image.write(picture, target)
    return target


def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


def test_the_images_of_an_archive_keep_their_layers_under_their_tags(tmp_path: Path) -> None:
    a, b = (single(tmp_path, name, name.encode()) for name in "ab")
    merge([(a, "quay.io/x/a:1"), (b, "quay.io/x/b:2")], tmp_path / "both.tar")
    files = contents(tmp_path / "both.tar")
    manifest = json.loads(files["manifest.json"])
    assert [one["RepoTags"] for one in manifest] == [["quay.io/x/a:1"], ["quay.io/x/b:2"]]
    for one, source in zip(manifest, (a, b), strict=True):
        assert files[one["Config"]] == contents(source)[_config(source)]
        (layer,) = one["Layers"]
        # Docker holds a layer against this sum of its own.
        (wanted,) = json.loads(files[one["Config"]])["rootfs"]["diff_ids"]
        assert wanted == f"sha256:{hashlib.sha256(files[layer]).hexdigest()}"


def _config(archive: Path) -> str:
    (one,) = json.loads(contents(archive)["manifest.json"])
    return str(one["Config"])


def test_the_same_list_gives_the_same_bytes_and_layers_in_common_once(tmp_path: Path) -> None:
    """Machines hold the archive against its sum, so another run must not give another."""
    sources = [
        (single(tmp_path, "a", b"x"), "e.com/a:1"),
        (single(tmp_path, "b", b"x"), "e.com/b:1"),
    ]
    archives = [tmp_path / "1.tar", tmp_path / "2.tar"]
    for archive in archives:
        merge(sources, archive)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    assert len([name for name in contents(archives[0]) if name.endswith(".tar")]) == 1


@pytest.fixture
def registry(tmp_path: Path, programs: Path) -> Iterator[str]:
    """Its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    file = tmp_path / "registry.json"
    file.write_text(json.dumps({"version": "0.1", "storage": storage, "http": {"addr": address}}))
    process = subprocess.Popen(
        [programs / "registry", "serve", file],
        env={"OTEL_TRACES_EXPORTER": "none"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def pictures(tmp_path: Path, programs: Path) -> Images:
    """With one image of the toolchain's own."""
    single(tmp_path / "own", "pause", b"built here")
    (tmp_path / "own" / "index.json").write_text(json.dumps({"pause.tar": "example.com/pause:1"}))
    return Images(Store(tmp_path / "cache"), programs / "crane", tmp_path / "own")


def push(programs: Path, archive: Path, reference: str) -> str:
    """Its digest."""
    done = subprocess.run(
        [programs / "crane", "push", archive, reference], check=True, capture_output=True, text=True
    )
    return done.stdout.strip().rpartition("@")[2]


def test_images_are_pulled_by_digest_whatever_their_tag_became(
    tmp_path: Path, programs: Path, registry: str, pictures: Images
) -> None:
    wanted = push(programs, single(tmp_path, "a", b"wanted"), f"{registry}/team/a:1")
    push(programs, single(tmp_path, "a", b"moved"), f"{registry}/team/a:1")
    archive = pictures.archive(
        "x", [Named(f"{registry}/team/a:1@{wanted}", f"{registry}/team/a:1")]
    )
    (one,) = json.loads(contents(archive)["manifest.json"])
    assert one["RepoTags"] == [f"{registry}/team/a:1"]
    (layer,) = one["Layers"]
    with tarfile.open(fileobj=io.BytesIO(contents(archive)[layer])) as tar:
        program = tar.extractfile("program")
        assert program
        assert program.read() == b"wanted"


def test_what_was_pulled_is_not_pulled_again(
    tmp_path: Path, programs: Path, registry: str, pictures: Images
) -> None:
    digest = push(programs, single(tmp_path, "a", b"a"), f"{registry}/a:1")
    named = Named(f"{registry}/a:1@{digest}", "e.com/a:1")
    first = pictures.archive("x", [named])
    shutil.rmtree(tmp_path / "registry" / "docker")
    assert pictures.archive("x", [named]) == first


def test_an_image_that_no_registry_gives_is_an_error_that_names_it(pictures: Images) -> None:
    source = f"127.0.0.1:1/a:1@sha256:{'0' * 64}"
    with pytest.raises(PullError, match=r"127\.0\.0\.1:1/a:1"):
        pictures.archive("x", [Named(source, "e.com/a:1")])


OFFICIAL = f"example.com/pause:1@sha256:{'0' * 64}"


def test_the_pause_image_that_was_built_here_stands_in_for_an_official_one_out_of_reach(
    pictures: Images,
) -> None:
    """As a build stands in for a release; crane finds no such host."""
    named = [Named(OFFICIAL, "example.com/pause:1")]
    assert pictures.archive("pause", named, stand_in=True).is_file()
    with pytest.raises(PullError):
        pictures.archive("pause", named)


def test_what_was_built_here_is_taken_where_its_digest_is_asked_for(pictures: Images) -> None:
    _, digest = pictures.own["example.com/pause:1"]
    assert pictures.archive("x", [Named(f"example.com/pause:1@{digest}", "b:1")]).is_file()
