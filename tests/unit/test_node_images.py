"""Images that a node brings along: checked by hash, loaded, and what is missing is told (D15)."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kilonode import images, metrics
from kilonode.images import KINDS, Kind

from tests.unit.http_server import Answer, serving

PAUSE = "registry.k8s.io/pause:3"
TAR = b"an archive of images"
# Stands for Docker: it knows the images whose names are in its folder, and loads an archive by
# writing those names there. `down` holds a line for each time that it does not answer.
DOCKER = """#!/bin/bash
here={here}
echo "$*" >>$here/calls
if [[ -s $here/down ]]; then sed -i 1d $here/down; exit 1; fi
case "$1 $2" in
"image load") grep -q archive "$4" || {{ echo "unexpected EOF" >&2; exit 1; }}
    cat $here/inside >>$here/known ;;
"image inspect") grep -qxF "$3" $here/known ;;
esac
"""


@pytest.fixture
def kind(tmp_path: Path) -> Kind:
    return Kind(tmp_path / "opt" / "images.tar", 0, "kilonode_test_missing")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in's folder."""
    here = tmp_path / "docker"
    here.mkdir()
    for name, text in {"docker": DOCKER.format(here=here), "inside": f"{PAUSE}\n"}.items():
        (here / name).write_text(text)
    (here / "docker").chmod(0o755)
    (here / "known").touch()
    monkeypatch.setenv("PATH", f"{here}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("kilonode.images.time.sleep", lambda _: None)
    monkeypatch.setattr("kilonode.web.time.sleep", lambda _: None)
    return here


def entry(
    content: bytes = TAR, url: str | None = "images/pause.tar", **more: Any
) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"name": "pause-image-1", "url": url, "sha256": sha256, "images": [PAUSE], **more}


def provide(
    tmp_path: Path,
    kind: Kind,
    wanted: dict[str, Any],
    answer: Callable[..., Answer] = lambda _: Answer(TAR),
) -> str | None:
    with serving(answer) as mirror:
        return images.provide(wanted, kind, mirror, tmp_path / "records")


def test_the_archive_comes_from_the_mirror_and_its_images_are_there(
    tmp_path: Path, kind: Kind, docker: Path
) -> None:
    asked: list[str] = []

    def answer(request: Any) -> Answer:
        asked.append(request.path)
        return Answer(TAR)

    assert provide(tmp_path, kind, entry(), answer) is None
    assert asked == ["/images/pause.tar"], "a path alone is the mirror's own"
    assert kind.file.read_bytes() == TAR
    assert images.missing([PAUSE]) == []


def test_what_is_there_already_is_loaded_without_the_mirror(
    tmp_path: Path, kind: Kind, docker: Path
) -> None:
    """A node that starts again needs nobody, though Docker may have lost its disk."""
    provide(tmp_path, kind, entry())
    (docker / "known").write_text("")
    wrong = images.provide(entry(), kind, "http://127.0.0.1:1", tmp_path / "records")
    assert wrong is None
    assert images.missing([PAUSE]) == []


@pytest.mark.parametrize(
    ("wanted", "answer", "why"),
    [
        (entry(b"promised"), lambda _: Answer(TAR), "wrong hash"),
        (entry(), lambda _: Answer(status=404), "404"),
        (entry(), lambda _: Answer(status=503), "503"),
        (entry(sha256=None), lambda _: Answer(TAR), "artifacts.checksums"),
        (entry(b"truncated"), lambda _: Answer(b"truncated"), "does not load"),
        (entry(images=[PAUSE, "quay.io/b:2"]), lambda _: Answer(TAR), "without quay.io/b:2"),
        (entry(url=None), lambda _: Answer(TAR), "is not there"),
    ],
)
def test_whatever_is_wrong_is_said_and_ends(
    wanted: dict[str, Any],
    answer: Callable[..., Answer],
    why: str,
    tmp_path: Path,
    kind: Kind,
    docker: Path,
) -> None:
    """The kubelet waits for this program."""
    assert why in str(provide(tmp_path, kind, wanted, answer))


def test_without_a_mirror_the_file_of_the_machines_image_is_loaded(
    tmp_path: Path, kind: Kind, docker: Path
) -> None:
    kind.file.parent.mkdir()
    kind.file.write_bytes(TAR)
    assert images.provide(entry(url=None, sha256=None), kind, "", tmp_path / "records") is None


def test_a_docker_that_is_not_up_yet_is_waited_for(
    tmp_path: Path, kind: Kind, docker: Path
) -> None:
    """Or the pause image is pulled after all, through the address with the quota."""
    (docker / "down").write_text("x\n" * 3)
    assert provide(tmp_path, kind, entry()) is None
    calls = (docker / "calls").read_text().splitlines()
    assert calls[:4] == ["version"] * 4


def test_a_docker_that_goes_away_in_the_middle_is_given_the_images_again(
    tmp_path: Path, kind: Kind, docker: Path
) -> None:
    program = docker / "docker"
    # The first load takes Docker down for two questions.
    dies = f'[[ "$2" != load || -e {docker}/died ]] || {{ touch {docker}/died; '
    dies += f"printf 'x\\nx\\n' >{docker}/down; exit 1; }}\n"
    program.write_text(program.read_text().replace("case", f"{dies}case"))
    assert provide(tmp_path, kind, entry()) is None
    assert (docker / "calls").read_text().count("image load") == 2


@pytest.fixture
def node(
    tmp_path: Path, kind: Kind, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, Any]], str]:
    """Runs load-images with a manifest; what it tells Prometheus."""
    folder = tmp_path / "metrics"
    monkeypatch.setattr(images, "KINDS", {"pause": kind, "pool": KINDS["pool"]})
    monkeypatch.setattr(images, "MANIFEST", tmp_path / "images.json")
    monkeypatch.setattr(images, "environment", lambda: {"ARTIFACT_MIRROR": ""})
    write = metrics.write
    monkeypatch.setattr(metrics, "write", lambda name, told: write(name, told, folder))

    def run(manifest: dict[str, Any], name: str = "pause") -> str:
        (tmp_path / "images.json").write_text(json.dumps(manifest))
        monkeypatch.setattr(sys, "argv", ["load-images", name])
        try:
            images.main()
        finally:
            said = metrics.read(folder).decode()
            (tmp_path / "said").write_text(said)
        return said

    return run


def test_prometheus_is_told_that_all_are_there(node: Callable[..., str], kind: Kind) -> None:
    kind.file.parent.mkdir()
    kind.file.write_bytes(TAR)
    assert "kilonode_test_missing 0" in node({"pause": entry(url=None)})


def test_prometheus_is_told_how_many_are_missing(node: Callable[..., str], tmp_path: Path) -> None:
    """The unit has failed by then, which does not keep the kubelet: it only wants it."""
    with pytest.raises(SystemExit, match="what is missing is pulled"):
        node({"pause": entry(url=None, images=[PAUSE, "quay.io/b:2"])})
    assert "kilonode_test_missing 2" in (tmp_path / "said").read_text()


def test_a_machine_without_a_list_has_nothing_to_tell(node: Callable[..., str]) -> None:
    assert node({"pause": entry()}, "pool") == ""
