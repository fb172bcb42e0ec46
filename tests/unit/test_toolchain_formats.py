"""Archives and images: the same programs give the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

from toolchain import archive, image


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def write(path: Path, text: str) -> None:
    path.write_text(text)


def test_archives_and_images_of_equal_programs_are_equal(tmp_path: Path) -> None:
    results = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder / "program", "same")
        os.utime(folder / "program", (number * 10**9, number * 10**9))
        archive.pack(folder / "a.tgz", {"./b": folder / "program", "./a": folder / "program"})
        picture = image.Image(
            "r/x:1", {"/bin/x": folder / "program"}, ("/bin/x",), "1:1", {"/bin/y": "x"}, True
        )
        image.write(picture, folder / "x.tar")
        results.append([(folder / name).read_bytes() for name in ("a.tgz", "x.tar")])
    assert results[0] == results[1], "sums would otherwise differ from run to run"


def test_an_image_says_what_it_is_and_what_its_layer_hashes_to(tmp_path: Path) -> None:
    write(tmp_path / "program", "same")
    picture = image.Image("r/x:1", {"/x": tmp_path / "program"}, ("/x",), "65532:65532")
    image.write(picture, tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar") as tar:

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        manifest = json.loads(read("manifest.json"))[0]
        config_body, layer = read(manifest["Config"]), read(manifest["Layers"][0])
    config = json.loads(config_body)
    assert manifest["RepoTags"] == ["r/x:1"]
    assert manifest["Config"] == f"{sha256(config_body)}.json"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{sha256(layer)}"]
    assert config["config"]["Entrypoint"] == ["/x"]
    assert config["config"]["User"] == "65532:65532"
