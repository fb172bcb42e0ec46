"""The documents' settings stand in the files of etcd machines, and units and programs agree."""

import pytest
from kilonode import bundle
from kilonode.etcd.member import Places

from config.user_data import MACHINES
from tests.unit.test_machine_units import command, unit, values

FLAGS = {
    "D2 data on the local disk": "--data-dir=/mnt/local/etcd",
    "D4 quota above the default": "--quota-backend-bytes=${ETCD_QUOTA_BYTES}",
    "D4 apiservers compact": "--auto-compaction-retention=0",
    "clients show a certificate": "--client-cert-auth=true",
    "clients' authority": "--trusted-ca-file=/etc/kilonode/pki/etcd/ca.crt",
    "peers show a certificate": "--peer-client-cert-auth=true",
    "peers' authority": "--peer-trusted-ca-file=/etc/kilonode/pki/etcd/ca.crt",
    "metrics off the events cluster's port": (
        "--listen-metrics-urls=http://${MEMBER_ADDRESS}:${ETCD_METRICS_PORT}"
    ),
    "two may join at once": "--max-learners=2",
    "no change that costs the quorum": "--strict-reconfig-check=true",
    "members compare their data": (
        "--feature-gates=InitialCorruptCheck=true,CompactHashCheck=true"
    ),
}


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS.keys())
def test_the_flag_stands_in_etcds_unit(flag: str) -> None:
    assert flag in command("etcd", "etcd")


def test_the_settings_extra_arguments_come_last() -> None:
    assert command("etcd", "etcd")[-1] == "$ETCD_EXTRA_ARGS"


def test_every_address_that_etcd_serves_clients_or_peers_on_has_tls() -> None:
    urls = [
        url
        for word in command("etcd", "etcd")
        if word.split("=")[0].endswith(("client-urls", "peer-urls"))
        for url in word.split("=")[1].split(",")
    ]
    assert len(urls) == 5
    assert all(url.startswith("https://") for url in urls)


@pytest.mark.parametrize("name", ["etcd.service", "etcd-member.service"])
def test_etcd_does_not_start_without_the_local_disk_d2(name: str) -> None:
    text = unit("etcd", name)
    assert values(text, "AssertPathIsMountPoint") == ["/mnt/local"]
    for needed in ("local-disk.service", "artifacts.service", "bundle.service"):
        assert needed in values(text, "Requires")
        assert needed in values(text, "After")


def test_the_last_snapshot_is_taken_between_etcds_end_and_the_end_of_what_it_needs() -> None:
    """Units stop in the reverse of the order in which they start."""
    text = unit("etcd", "etcd-last-snapshot.service")
    assert values(text, "Before") == ["etcd.service"]
    needs = {"local-disk.service", "artifacts.service", "bundle.service", "mnt-local.mount"}
    assert needs | {"network.target", "nss-lookup.target"} == set(values(text, "After"))
    assert values(text, "RemainAfterExit") == ["yes"]
    assert not values(text, "ExecStart"), "it has nothing to do before the machine is shut down"


def test_a_machine_has_shut_down_before_azure_turns_it_off() -> None:
    """After five minutes: https://azure.microsoft.com/blog/linux-and-graceful-shutdowns-2/."""
    units = ("etcd.service", "etcd-last-snapshot.service")
    seconds = [int(values(unit("etcd", name), "TimeoutStopSec")[0]) for name in units]
    assert sum(seconds) < 300


def test_what_etcd_starts_as_is_decided_before_every_start() -> None:
    assert "etcd-member.service" in values(unit("etcd", "etcd.service"), "Requires")
    assert "etcd-member.service" in values(unit("etcd", "etcd.service"), "After")
    assert not values(unit("etcd", "etcd-member.service"), "RemainAfterExit")


def test_a_member_is_started_again_however_often_and_waits_for_its_quorum() -> None:
    text = unit("etcd", "etcd.service")
    assert values(text, "Restart") == ["always"]
    assert values(text, "StartLimitIntervalSec") == ["0"]
    assert values(text, "TimeoutStartSec") == ["infinity"]


def test_unit_and_program_mean_the_same_places() -> None:
    text, places = unit("etcd", "etcd.service"), Places()
    assert f"--data-dir={places.data}" in command("etcd", "etcd")
    assert f"--key-file={places.pki}/member.key" in command("etcd", "etcd")
    assert str(places.environment) in values(text, "EnvironmentFile")
    assert values(text, "ExecStartPost")[-1] == str(places.intention)
    assert places.pki == bundle.PKI / "etcd"
    assert places.bundle == bundle.KEPT
    assert command("etcd", "etcd")[0] == places.etcd


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("common", "bundle.service"),
        ("common", "bundle-refresh.service"),
        ("etcd", "etcd-member.service"),
        ("etcd", "etcd-record.service"),
        ("etcd", "etcd-last-snapshot.service"),
    ],
)
def test_what_asks_the_metadata_service_runs_in_its_slice(folder: str, name: str) -> None:
    assert values(unit(folder, name), "Slice") == ["metadata.slice"]


def test_a_daily_fetch_restarts_nothing_that_needs_the_bundle() -> None:
    assert values(unit("common", "bundle.timer"), "Unit") == ["bundle-refresh.service"]


@pytest.mark.parametrize("name", ["local-disk", "artifacts", "bundle"])
def test_what_is_done_once_a_boot_counts_as_done_until_the_next(name: str) -> None:
    assert values(unit("common", f"{name}.service"), "RemainAfterExit") == ["yes"]


def test_a_machine_that_waits_for_its_service_still_ends_its_boot() -> None:
    assert values(unit("common", "kilonode.target"), "DefaultDependencies") == ["no"]


SYSCTLS = {
    f"net.{version}.neigh.default.gc_thresh{level}": value
    for version in ("ipv4", "ipv6")
    for level, value in ((1, "80000"), (2, "90000"), (3, "100000"))
} | {"net.ipv4.tcp_retries2": "8", "fs.inotify.max_user_instances": "8192"}


@pytest.mark.parametrize("key", SYSCTLS)
def test_the_kernel_setting_is_on_every_machine_d17(key: str) -> None:
    lines = (MACHINES / "common/etc/sysctl.d/60-kilonode.conf").read_text().splitlines()
    settings = dict(line.lstrip("-").split(" = ") for line in lines if " = " in line)
    assert settings[key] == SYSCTLS[key]


def test_certificates_are_watched_while_etcd_waits() -> None:
    assert "etcd.service" not in values(unit("etcd", "etcd-care.service"), "After")
