"""User data: the machine folders, their environment, and nothing else."""

from __future__ import annotations

import base64
import gzip
import hashlib
import random
from pathlib import Path

import pytest
import yaml

from config import user_data
from config.azure_limits import CUSTOM_DATA_MAX_BYTES
from config.user_data import MachineFile, UserDataError, decode, encode, render


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of machine folders to write into, instead of the real one."""
    monkeypatch.setattr(user_data, "MACHINES", tmp_path)
    monkeypatch.setattr(user_data, "_machine_files", user_data._machine_files.__wrapped__)
    write(tmp_path, "common/etc/motd", "common\n")
    write(tmp_path, "common/opt/tool", "#!/bin/sh\n", mode=0o700)
    write(tmp_path, "node/etc/motd", "node\n")
    write(tmp_path, "master/etc/motd", "master\n")
    return tmp_path


def write(root: Path, name: str, content: str, mode: int = 0o600) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def files(role: str) -> dict[str, MachineFile]:
    return decode(encode(render(role, {}, {})))


def test_every_file_lands_at_its_own_path_runnable_where_it_is_in_the_tree(machines: Path) -> None:
    got = files("etcd")
    assert got["/etc/motd"] == MachineFile("common\n", 0o644)
    assert got["/opt/tool"] == MachineFile("#!/bin/sh\n", 0o755)


def test_a_later_folder_wins_and_a_master_is_also_a_node(machines: Path) -> None:
    write(machines, "node/etc/node-only", "")
    assert files("node")["/etc/motd"].content == "node\n"
    assert files("master")["/etc/motd"].content == "master\n"
    assert "/etc/node-only" in files("master")
    assert "/etc/node-only" not in files("etcd")


def test_the_environment_is_sorted_and_quoted() -> None:
    text = render("etcd", {"B": "two words", "A": "1"}, {})
    assert decode(encode(text))["/etc/kilonode/machine.env"] == MachineFile(
        'A="1"\nB="two words"\n', 0o644
    )


@pytest.mark.parametrize("value", ['"', "\\", "$HOME", "`id`", "a\nb", "a\rb", "\0"], ids=repr)
def test_a_value_that_a_shell_or_systemd_would_read_differently_is_refused(value: str) -> None:
    with pytest.raises(UserDataError, match="KEY="):
        render("etcd", {"KEY": value}, {})


def test_a_key_that_is_no_variable_is_refused() -> None:
    with pytest.raises(UserDataError, match="not a name"):
        render("etcd", {"a-b": ""}, {})


def test_data_files_are_written_over_the_folders_and_not_runnable(machines: Path) -> None:
    got = decode(encode(render("etcd", {}, {"/opt/tool": "data"})))
    assert got["/opt/tool"] == MachineFile("data", 0o644)


def test_units_that_say_where_they_belong_are_enabled_and_drop_ins_are_not(machines: Path) -> None:
    unit, install = "[Service]\nExecStart=/bin/true\n", "\n[Install]\nWantedBy=kilonode.target\n"
    folder = "common/etc/systemd/system"
    write(machines, f"{folder}/b.service", unit + install)
    write(machines, f"{folder}/a.timer", unit + install)
    write(machines, f"{folder}/helper.service", unit)
    write(machines, f"{folder}/docker.service.d/kilonode.conf", unit + install)
    document = yaml.safe_load(render("etcd", {}, {}))
    assert document["runcmd"] == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "a.timer", "b.service"],
        ["systemctl", "start", "--no-block", "kilonode.target"],
    ]


@pytest.mark.parametrize(
    "name", ["__pycache__/x.pyc", ".mypy_cache/cache.db", "etc/.motd.swp", "etc/motd~"]
)
def test_what_tools_leave_in_the_tree_changes_no_machine(machines: Path, name: str) -> None:
    before = render("etcd", {}, {})
    write(machines, f"common/{name}", "litter")
    assert render("etcd", {}, {}) == before


@pytest.mark.parametrize("role", list(user_data.FOLDERS))
def test_cloud_init_reads_the_real_folders_as_they_were_meant(role: str) -> None:
    text = render(role, {"KEY": "value"}, {"/etc/some": "…\n"})
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    assert set(document) == {"write_files", "runcmd"}
    read = {
        file["path"]: MachineFile(file["content"], int(file["permissions"], 8))
        for file in document["write_files"]
    }
    assert read == decode(encode(text))
    assert "/etc/systemd/system/kilonode.target" in read


def test_the_same_text_gives_the_same_bytes_on_every_machine_and_day() -> None:
    # New user data replaces a VM. Another compressor than zlib would do that to all of them.
    encoded = encode("#cloud-config\n" + "kilonode " * 1000)
    assert hashlib.sha256(encoded.encode()).hexdigest() == (
        "182c835ba7e76b78dfd4878af034c28bbd4fd4a3f46f6a1be5309370b8f920d7"
    )


def incompressible(size: int) -> str:
    """Text that gzip cannot make smaller than `size`."""
    return base64.b85encode(random.Random(0).randbytes(size)).decode()


def test_user_data_up_to_azures_limit_is_accepted_and_above_it_refused_naming_the_role() -> None:
    text = incompressible(CUSTOM_DATA_MAX_BYTES - 2_000)
    assert len(base64.b64decode(encode(text))) <= CUSTOM_DATA_MAX_BYTES
    with pytest.raises(UserDataError, match=r"role master is \d+ bytes .* 65535"):
        encode(incompressible(CUSTOM_DATA_MAX_BYTES), "master")


@pytest.mark.parametrize(
    "encoded",
    [
        "not base64!",
        base64.b64encode(b"not gzip").decode(),
        base64.b64encode(gzip.compress(b"not json", mtime=0)).decode(),
    ],
)
def test_what_is_not_ours_is_not_decoded(encoded: str) -> None:
    with pytest.raises(UserDataError, match="not user data of this project"):
        decode(encoded)


def test_the_command_prints_a_cloud_config(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["user_data", "etcd", "A=b=c"])
    user_data.main()
    assert capsys.readouterr().out == render("etcd", {"A": "b=c"}, {})
