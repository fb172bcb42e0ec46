"""A machine's keys and certificates: fetched, laid out, kept, and never written elsewhere."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from kilonode import bundle, metadata
from kilonode.bundle import BundleError

from tests.unit.http_server import Answer, Request, serving

IDENTITY = "/subscriptions/s/…/userAssignedIdentities/prod-etcd"
FILES = {"etcd/ca.crt": "CA", "etcd/member.crt": "CRT", "etcd/member.key": "KEY"}
BUNDLE = {"files": FILES}
TOKEN = "eyJ0eXAi"


class Azure:
    """The metadata service and a vault behind one address; `faults` are answered first."""

    def __init__(self) -> None:
        self.secret: object = BUNDLE
        self.faults: list[Answer] = []
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        if request.path.startswith("/metadata/"):
            assert request.headers["metadata"] == "true"
            assert "resource=https%3A%2F%2Fvault.azure.net" in request.path
            assert f"msi_res_id={quote(IDENTITY, safe='')}" in request.path, "policies add others"
            return Answer(json.dumps({"access_token": TOKEN}).encode())
        if self.faults:
            return self.faults.pop(0)
        assert request.path == "/secrets/etcd?api-version=7.4"
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        return Answer(json.dumps({"value": json.dumps(self.secret)}).encode())


@pytest.fixture
def azure() -> Azure:
    return Azure()


@pytest.fixture
def update(
    azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> Iterator[Callable[[], None]]:
    monkeypatch.setattr(bundle, "PKI", tmp_path / "pki")
    monkeypatch.setattr(bundle, "KEPT", tmp_path / "kept" / "bundle.json")
    with serving(azure.answer) as url:
        path = metadata._TOKEN.removeprefix("http://169.254.169.254")
        monkeypatch.setattr(metadata, "_TOKEN", url + path)
        monkeypatch.setattr(metadata, "environment", lambda: {"IDENTITY_ID": IDENTITY})
        yield lambda: bundle.update(f"{url}/", "etcd", 60)


def laid_out(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }


def test_a_machine_gets_its_roles_files(update: Callable[[], None], tmp_path: Path) -> None:
    update()
    assert laid_out(tmp_path / "pki") == FILES


def test_nobody_but_root_reads_any_of_it(update: Callable[[], None], tmp_path: Path) -> None:
    update()
    for path in [*tmp_path.joinpath("pki").rglob("*"), tmp_path / "pki", bundle.KEPT]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE(bundle.KEPT.parent.stat().st_mode) == 0o700


def test_rights_that_take_a_quarter_of_an_hour_are_waited_for(
    update: Callable[[], None], azure: Azure, pauses: list[float], tmp_path: Path
) -> None:
    azure.faults = [Answer(status=403)] * 40
    update()
    assert sum(pauses) > 900
    assert max(pauses) <= 60
    assert laid_out(tmp_path / "pki") == FILES


def test_pauses_grow_and_are_jittered(
    update: Callable[[], None], azure: Azure, pauses: list[float]
) -> None:
    azure.faults = [Answer(status=500), Answer(status=503), Answer(status=403)] * 2
    update()
    assert pauses == sorted(pauses)
    assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(pauses))
    assert all(pause != int(pause) for pause in pauses)


@pytest.mark.parametrize(("role", "limit"), [("node", 10.0), ("master", None)])
def test_nodes_that_boot_together_do_not_join_together_e5(
    role: str, limit: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masters wait for nothing: without them nobody joins."""
    machine = {"ROLE": role, "VAULT_URL": "https://v", "BUNDLE_NAME": role}
    slept: list[float] = []
    monkeypatch.setattr(bundle, "environment", lambda: machine)
    monkeypatch.setattr(bundle, "update", lambda *_: None)
    monkeypatch.setattr("kilonode.bundle.random.uniform", lambda _, most: most)
    monkeypatch.setattr("kilonode.bundle.time.sleep", slept.append)
    monkeypatch.setattr("sys.argv", ["fetch-bundle", "--node-jitter", "10", "--patience", "60"])
    bundle.main()
    assert slept == ([limit] if limit else [])


def test_a_throttling_vault_says_how_long_to_wait(
    update: Callable[[], None], azure: Azure, pauses: list[float]
) -> None:
    azure.faults = [Answer(status=429, headers={"Retry-After": "37"})]
    update()
    assert len(pauses) == 1
    assert 37 <= pauses[0] < 38


def test_without_the_vault_the_kept_bundle_is_used_and_that_is_said(
    update: Callable[[], None],
    azure: Azure,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    update()
    (tmp_path / "pki/etcd/member.key").unlink()
    azure.faults = [Answer(status=503)] * 1000
    update()
    assert laid_out(tmp_path / "pki") == FILES
    assert "503" in capsys.readouterr().err.splitlines()[-1]


def test_a_vault_that_sends_nonsense_does_not_spoil_what_is_there(
    update: Callable[[], None], azure: Azure, tmp_path: Path
) -> None:
    update()
    azure.secret = {"files": {"../../../root/.ssh/authorized_keys": "ssh-ed25519 …"}}
    update()
    assert laid_out(tmp_path / "pki") == FILES
    assert json.loads(bundle.KEPT.read_text()) == BUNDLE


def test_a_changed_bundle_replaces_what_changed_and_removes_what_is_gone(
    update: Callable[[], None], azure: Azure, tmp_path: Path
) -> None:
    azure.secret = {"files": {"a.crt": "1", "b.crt": "1", "gone.crt": "1"}}
    update()
    mine = tmp_path / "pki" / "made-here.crt"
    mine.write_text("not from the bundle")
    unchanged = (tmp_path / "pki" / "a.crt").stat().st_ino
    azure.secret = {"files": {"a.crt": "1", "b.crt": "2"}}
    update()
    assert laid_out(tmp_path / "pki") == {
        "a.crt": "1",
        "b.crt": "2",
        "made-here.crt": "not from the bundle",
    }
    assert (tmp_path / "pki" / "a.crt").stat().st_ino == unchanged


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        "etcd/../../x",
        "etcd//x",
        "etcd/",
        "",
        ".hidden",
        "a/.b",
        "a\nb",
        "a\\b",
    ],
)
def test_path_tricks_are_refused(path: str) -> None:
    with pytest.raises(BundleError, match="not a file"):
        bundle.files_of(json.dumps({"files": {path: "x"}}))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": []}', '{"files": {"a": {}}}', '{"files": {"a": null}}']
)
def test_what_is_not_a_bundle_is_refused(text: str) -> None:
    with pytest.raises(BundleError):
        bundle.files_of(text)
