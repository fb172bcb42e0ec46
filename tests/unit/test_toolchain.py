"""Downloads and builds: pinned, refused when wrong, chosen by what there is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from toolchain import archive, sources, spec, views
from toolchain.errors import ToolchainError
from toolchain.options import Mode, Options
from toolchain.progress import Progress
from toolchain.store import Store

OFFICIAL = b"#!/bin/sh\necho official\n"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    """A file server that does not write into the tests' output."""

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder laid out HOST/PATH and the address that serves it."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `go` first on PATH that is new enough and writes `built` into what it builds."""
    folder = tmp_path / "go" / "bin"
    folder.mkdir(parents=True)
    program = folder / "go"
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1" = env ] && { echo go1.99.0; exit; }\n'
        'while [ "$1" != -o ]; do shift; done\n'
        'echo built > "$2"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return program


def put(folder: Path, url: str, body: bytes) -> None:
    target = folder / url.removeprefix("https://")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(body)


def artifact(sha: str | None, name: str = "kubelet") -> spec.Artifact:
    return spec.Artifact(
        name=name,
        version="v1.0.0",
        recipe="toolchain/pause",
        url=f"https://releases.example/v1.0.0/{name}",
        sha256=sha,
        provides={name: "pause"},
        roles=("node",),
        install={name: f"/opt/kilonode/bin/{name}"},
    )


def resolver(
    cache: Path,
    mirror: str | None = None,
    mode: Mode = "auto",
    tools: tuple[spec.Artifact, ...] = (),
) -> tuple[sources.Sources, Store]:
    store = Store(cache)
    known = {tool.name: tool for tool in tools}
    pinned = spec.Spec(known, {}, dict(known), {}, spec.load().go)
    return sources.Sources(pinned, Options(cache, mode, mirror), store), store


def make(found: sources.Sources, what: spec.Component) -> sources.Made:
    with Progress().step(what.name, "") as step:
        return found.make(what, step)


def left_in(cache: Path) -> list[str]:
    """Files in the cache, apart from locks and logs."""
    files = (p.relative_to(cache) for p in cache.rglob("*") if p.is_file())
    return sorted(str(p) for p in files if p.parts[0] not in ("locks", "logs"))


def test_a_wrong_hash_is_refused_and_the_file_is_deleted(
    tmp_path: Path, mirror: tuple[Path, str]
) -> None:
    expected = sha256(OFFICIAL)
    what = artifact(expected)
    put(mirror[0], what.url or "", b"something else")
    found, _ = resolver(tmp_path / "cache", mirror[1])
    with pytest.raises(ToolchainError) as refused:
        make(found, what)
    for part in ("kubelet", expected, sha256(b"something else"), "deleted"):
        assert part in str(refused.value), "the message says what, expected and got"
    assert left_in(tmp_path / "cache") == [], "a refused file must not be found later"
    assert found.find(what) is None


def test_a_release_comes_from_a_mirror_with_the_same_paths(
    tmp_path: Path, mirror: tuple[Path, str]
) -> None:
    what = artifact(sha256(OFFICIAL))
    put(mirror[0], what.url or "", OFFICIAL)
    found, store = resolver(tmp_path / "cache", mirror[1])
    made = make(found, what)
    assert made.programs["pause"].read_bytes() == OFFICIAL
    assert os.access(made.programs["pause"], os.X_OK)

    served = views.mirror_folder(store, {"kubelet": what}, {"kubelet": made})
    assert (served / "releases.example/v1.0.0/kubelet").read_bytes() == OFFICIAL
    checksums = json.loads((served / "checksums.json").read_text())
    assert checksums == {"kubelet": what.sha256}


def test_an_official_archive_is_opened_and_passed_on_unchanged(
    tmp_path: Path, mirror: tuple[Path, str]
) -> None:
    (tmp_path / "program").write_bytes(OFFICIAL)
    archive.pack(tmp_path / "a.tgz", {"x-1.0.0/etcd": tmp_path / "program"})
    body = (tmp_path / "a.tgz").read_bytes()
    what = spec.Artifact(
        name="etcd",
        version="v1.0.0",
        recipe="toolchain/pause",
        url="https://releases.example/etcd-1.0.0.tgz",
        sha256=sha256(body),
        provides={"x-1.0.0/etcd": "etcd"},
    )
    put(mirror[0], what.url or "", body)
    found, store = resolver(tmp_path / "cache", mirror[1], "release")
    made = make(found, what)
    assert made.programs["etcd"].read_bytes() == OFFICIAL
    served = views.mirror_folder(store, {"etcd": what}, {"etcd": made})
    assert (served / "releases.example/etcd-1.0.0.tgz").read_bytes() == body


def test_an_archive_without_the_named_member_is_refused(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(OFFICIAL)
    archive.pack(tmp_path / "a.tgz", {"other": tmp_path / "program"})
    with pytest.raises(ToolchainError, match=r"a\.tgz: lacks etcd"):
        archive.unpack(tmp_path / "a.tgz", {"etcd": tmp_path / "etcd"})


def test_what_has_no_pinned_sum_is_built_even_where_it_could_be_downloaded(
    tmp_path: Path, mirror: tuple[Path, str], fake_go: Path
) -> None:
    what = artifact(None)
    put(mirror[0], what.url or "", OFFICIAL)
    found, _ = resolver(tmp_path / "cache", mirror[1], "release")
    assert make(found, what).programs["pause"].read_text() == "built\n"


def test_without_a_network_everything_is_built(tmp_path: Path, fake_go: Path) -> None:
    closed = "http://127.0.0.1:9"
    found, _ = resolver(tmp_path / "cache", closed)
    what = artifact(sha256(OFFICIAL))
    assert make(found, what).programs["pause"].read_text() == "built\n"
    assert found.find(what), "a second run finds what the first one built"


def test_a_mirror_that_lacks_one_file_leaves_that_one_to_be_built(
    tmp_path: Path, mirror: tuple[Path, str], fake_go: Path
) -> None:
    there, missing = artifact(sha256(OFFICIAL)), artifact(sha256(b"?"), "kubectl")
    put(mirror[0], there.url or "", OFFICIAL)
    found, _ = resolver(tmp_path / "cache", mirror[1])
    assert make(found, there).programs["pause"].read_bytes() == OFFICIAL
    assert make(found, missing).programs["pause"].read_text() == "built\n"


def test_forced_releases_fail_where_there_are_none(
    tmp_path: Path, fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolchain.download.time.sleep", lambda _: None)
    found, _ = resolver(tmp_path / "cache", "http://127.0.0.1:9", "release")
    with pytest.raises(ToolchainError, match=r"kubelet: http://127\.0\.0\.1:9/releases"):
        make(found, artifact(sha256(OFFICIAL)))


def test_a_forced_build_asks_no_server(
    tmp_path: Path, mirror: tuple[Path, str], fake_go: Path
) -> None:
    what = artifact(sha256(OFFICIAL))
    put(mirror[0], what.url or "", OFFICIAL)
    found, _ = resolver(tmp_path / "cache", mirror[1], "build")
    assert make(found, what).programs["pause"].read_text() == "built\n"


def test_the_environment_decides_about_cache_mode_and_mirror() -> None:
    options = Options.from_environment(
        {"KILONODE_CACHE": "/c", "KILONODE_TOOLCHAIN": "build", "KILONODE_MIRROR": "http://m"}
    )
    assert options == Options(Path("/c/toolchain"), "build", "http://m")
    xdg = Options.from_environment({"XDG_CACHE_HOME": "/x"})
    assert xdg.cache == Path("/x/kilonode/toolchain")
    assert Options.from_environment({}).cache == Path.home() / ".cache/kilonode/toolchain"
    with pytest.raises(ToolchainError, match="must be release, build or unset"):
        Options.from_environment({"KILONODE_TOOLCHAIN": "fast"})


def test_another_go_or_another_recipe_means_another_build(tmp_path: Path, fake_go: Path) -> None:
    what = artifact(None)
    make(resolver(tmp_path / "cache", mode="build")[0], what)
    fake_go.write_text(fake_go.read_text().replace("1.99.0", "1.99.1"))
    newer, _ = resolver(tmp_path / "cache", mode="build")
    assert newer.find(what) is None, "a build is only as good as the compiler that made it"


def test_a_failed_build_shows_the_compilers_last_words(tmp_path: Path, fake_go: Path) -> None:
    fake_go.write_text(
        '#!/bin/sh\n[ "$1" = env ] && { echo go1.99.0; exit; }\necho main.go:1: oops; exit 1\n'
    )
    found, _ = resolver(tmp_path / "cache", mode="build")
    with pytest.raises(ToolchainError, match=r"building pause: exit code 1(?s:.*)oops"):
        make(found, artifact(None))
    assert left_in(tmp_path / "cache") == []
