"""What a machine's disks hold before the first boot, and what the host must have."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from local_azure import host, image
from local_azure.machines import seed
from local_azure.machines.spec import Spec
from local_azure.shell import CommandError

TEXT = b"#cloud-config\n{}\n"


def specification(base: Path, data: bytes) -> Spec:
    return Spec(
        resource="/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/a",
        vm_id="0f0e0d0c-0000-4000-8000-000000000001",
        hostname="cpu-a-00000A",
        address="10.0.2.4",
        subnet="10.0.2.0/24",
        custom_data=base64.b64encode(data).decode(),
        image=str(base),
    )


@pytest.mark.parametrize("sent", [TEXT, gzip.compress(TEXT, mtime=0)])
def test_cloud_init_gets_the_user_data_as_it_was_before_encoding(sent: bytes) -> None:
    assert seed.user_data(base64.b64encode(sent).decode()) == TEXT


def test_a_machine_knows_its_instance_its_name_and_whom_to_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KILONODE_STATE", str(tmp_path / "state"))
    certificates = "etc/ssl/certs/ca-certificates.crt"
    for file, text in ((f"image/root/{certificates}", "public\n"), ("state/ca/ca.crt", "local\n")):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text)
    spec = specification(tmp_path / "image", TEXT)
    seed.sow(spec, tmp_path / "upper")
    meta = json.loads((tmp_path / "upper/var/lib/cloud/seed/nocloud/meta-data").read_text())
    assert meta == {"instance-id": spec.vm_id, "local-hostname": "cpu-a-00000A"}
    assert (tmp_path / "upper" / certificates).read_text() == "public\nlocal\n"


def test_disks_have_the_names_that_azure_gives_them(tmp_path: Path) -> None:
    seed.disk_links(tmp_path, "/dev/loop3", "/dev/loop4")
    rules = (tmp_path / "etc/tmpfiles.d/azure-resource-disk.conf").read_text()
    assert "L+ /dev/disk/azure/resource - - - - /dev/loop3\n" in rules
    assert "L+ /dev/disk/cloud/azure_resource-part1 - - - - /dev/loop3p1\n" in rules
    assert "L+ /dev/disk/azure/scsi1/lun0 - - - - /dev/loop4\n" in rules


def test_another_recipe_is_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = image.key()
    monkeypatch.setattr(image, "PACKAGES", "systemd")
    assert image.key() != before


def test_an_ordinary_user_is_told_that_root_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(CommandError, match="root"):
        host.check(install=True)


def test_missing_space_and_programs_are_named_together_and_nothing_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KILONODE_STATE", str(tmp_path))

    def install(*command: object, **_: object) -> str:
        pytest.fail(f"ran {command}")

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(host, "STATE_GIB", 10**9)
    monkeypatch.setattr("shutil.which", lambda name: None if name == "systemd-nspawn" else "x")
    monkeypatch.setattr(host, "run", install)
    with pytest.raises(CommandError, match=r"(?s)disk space.*apt-get install systemd-container"):
        host.check(install=True)


def test_a_cluster_that_is_there_is_updated_in_the_room_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KILONODE_STATE", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(host, "STATE_GIB", 10**9)
    monkeypatch.setattr(host, "CACHE_GIB", 0)
    monkeypatch.setattr("shutil.which", lambda name: "x")
    monkeypatch.setattr(host, "succeeds", lambda *_: True)
    monkeypatch.setattr("local_azure.machines.cgroup.hierarchies", lambda: ["one"])
    with pytest.raises(CommandError, match="disk space"):
        host.check(install=False)
    (tmp_path / "machines").mkdir()
    host.check(install=False)


def test_programs_that_are_to_be_built_need_room_besides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, until all are built."""
    monkeypatch.setenv("KILONODE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KILONODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(host, "STATE_GIB", 0)
    monkeypatch.setattr(host, "CACHE_GIB", 10**9)
    monkeypatch.setattr("shutil.which", lambda name: "x")
    monkeypatch.setattr(host, "succeeds", lambda *_: True)
    monkeypatch.setattr("local_azure.machines.cgroup.hierarchies", lambda: ["one"])
    with pytest.raises(CommandError, match=f"disk space: {tmp_path} has .* GiB are needed"):
        host.check(install=False)
    image.path().mkdir(parents=True)
    host.check(install=False)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host whose kernel settings are files of this folder."""
    monkeypatch.setenv("KILONODE_STATE", str(tmp_path / "state"))
    settings = tmp_path / "sys"
    monkeypatch.setattr(host, "_SYSCTLS", settings)
    monkeypatch.setattr(host, "_NAMED_NAMESPACES", tmp_path)
    values = {**dict.fromkeys(host.INOTIFY, 128), "kernel/panic": 0, "vm/swappiness": 60}
    for name, value in values.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / name).write_text(str(value))
    host.prepare()
    return settings


def test_down_puts_back_what_machines_wrote_and_nothing_that_was_never_ours(kernel: Path) -> None:
    """The host belongs to somebody, who may have changed it while the cluster ran."""
    assert int((kernel / "fs/inotify/max_user_instances").read_text()) > 128
    (kernel / "kernel/panic").write_text("10")
    (kernel / "vm/swappiness").write_text("10")
    host.restore(pytest.fail)
    assert (kernel / "fs/inotify/max_user_instances").read_text() == "128"
    assert (kernel / "kernel/panic").read_text() == "0"
    assert (kernel / "vm/swappiness").read_text() == "10"


def test_a_setting_that_cannot_be_put_back_keeps_no_other_from_it(kernel: Path) -> None:
    for name in ("fs/inotify/max_user_instances", "kernel/panic"):
        (kernel / name).unlink()
    (kernel / "kernel").rmdir()
    said: list[str] = []
    host.restore(said.append)
    assert [message.split()[0] for message in said] == ["kernel/panic"]
    assert (kernel / "fs/inotify/max_user_instances").read_text() == "128"
