"""`make mirror`: all that a stack's machines fetch, as they will ask for it, and nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from kilonode.artifacts import mirrored

from commands import mirror
from config.artifacts import catalog
from config.environment import machine_user_data
from config.images import archives
from config.settings import Settings, unbuildable
from config.topology import topology
from tests.unit.settings_samples import settings
from toolchain import digest
from toolchain.download import place
from toolchain.image_archive import Named

URL = "https://m.example.com/kilonode"
CHANGES = {"artifacts.mirror": URL, "nodePools.cpu.preload": [f"quay.io/a/b:1@sha256:{'1' * 64}"]}


class Pictures:
    """In the place of crane: an archive's content is its list."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.stood_in: list[str] = []

    def archive(self, name: str, images: Sequence[Named], *, stand_in: bool = False) -> Path:
        if stand_in:
            self.stood_in.append(name)
        file = self._folder / f"{name}.tar"
        file.write_text(repr(images))
        return file


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pictures:
    """And artifacts of the toolchain's, each of its name alone."""
    made = tmp_path / "made"
    sums = {}
    for name, artifact in catalog().artifacts.items():
        file = made / place(artifact.url)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(artifact.url)
        sums[name] = digest.of_file(file)
    (made / "checksums.json").write_text(json.dumps(sums))
    found = Pictures(tmp_path)
    monkeypatch.setattr(mirror, "toolchain", lambda _: str(made))
    monkeypatch.setattr(mirror, "images", lambda: found)
    return found


def asked_for(loaded: Settings) -> dict[str, str | None]:
    """What machines will ask the mirror for, below its URL, and the sum that they expect."""
    plan = topology(loaded)
    wanted: dict[str, str | None] = {}
    for machine in plan.machines:
        files = machine_user_data(loaded, plan, machine).files
        entries = json.loads(files["/etc/kilonode/artifacts.json"])
        entries += json.loads(files.get("/etc/kilonode/images.json", "{}")).values()
        for one in entries:
            wanted[mirrored(one["url"], URL).removeprefix(f"{URL}/")] = one["sha256"]
    return wanted


def test_the_folder_has_all_that_machines_ask_for_under_the_sums_that_it_prints(
    tmp_path: Path, pictures: Pictures
) -> None:
    sums = mirror.lay_out(settings(CHANGES), tmp_path / "out")
    loaded = settings({**CHANGES, "artifacts.checksums": mirror.needed(sums)})
    assert unbuildable(loaded) == []
    wanted = asked_for(loaded)
    assert len([path for path in wanted if path.startswith("images/")]) == 2
    for path, sha256 in wanted.items():
        assert digest.of_file(tmp_path / "out" / path) == sha256, path


def test_only_the_pause_image_may_be_one_that_was_built_here(
    tmp_path: Path, pictures: Pictures
) -> None:
    """A digest of the user's list is a promise."""
    mirror.lay_out(settings(CHANGES), tmp_path / "out")
    (name,) = pictures.stood_in
    assert name.startswith("pause-image-")


@pytest.mark.parametrize(
    ("change", "written"),
    [(lambda _: None, False), (Path.unlink, True), (lambda file: file.write_text("cut"), True)],
)
def test_a_second_run_makes_only_what_is_missing_or_damaged(
    change: Callable[[Path], object], written: bool, tmp_path: Path, pictures: Pictures
) -> None:
    out = tmp_path / "out"
    sums = mirror.lay_out(settings(CHANGES), out)
    # As on another file system, where the folder holds copies.
    name = next(iter(archives(settings(CHANGES))))
    file = out / "images" / f"{name}.tar"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    before = file.stat().st_ino
    keeper = file.open()
    change(file)
    assert mirror.lay_out(settings(CHANGES), out) == sums
    assert digest.of_file(file) == sums[name]
    assert (file.stat().st_ino != before) == written
    keeper.close()


def test_official_sums_need_not_be_named() -> None:
    known = {name: one.sha256 for name, one in catalog().artifacts.items() if one.sha256}
    assert mirror.needed({**known, "flannel": "f" * 64}) == {"flannel": "f" * 64}
    (first, *_) = known
    assert first in mirror.needed({**known, first: "0" * 64})
