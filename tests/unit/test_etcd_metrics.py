"""What machines' programs tell Prometheus is told whole, and by a server of its own."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from kilonode import metrics
from kilonode.metrics import Sample

from components.firewall import ETCD_MEMBER_PORTS, MACHINE_METRICS_PORT
from config.topology import ETCD_METRICS_PORT, ETCD_PORTS
from tests.unit.test_machine_units import unit, values


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Of a server for the test's folder."""
    server = metrics.server("127.0.0.1", 0, tmp_path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_server_tells_what_every_program_wrote(url: str, tmp_path: Path) -> None:
    metrics.write("b", [Sample("b_total", 2)], tmp_path)
    metrics.write("a", [Sample("a_seconds", 0.25, {"of": "x"}), Sample("c", 1)], tmp_path)
    # Of a metric all samples stand together, or Prometheus refuses the whole answer.
    metrics.write("d", [Sample("d", 1, {"n": "1"}), Sample("e", 2), Sample("d", 3)], tmp_path)
    with urllib.request.urlopen(f"{url}/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert response.read().decode().splitlines() == [
            "# TYPE a_seconds gauge",
            'a_seconds{of="x"} 0.25',
            "# TYPE c gauge",
            "c 1",
            "# TYPE b_total counter",
            "b_total 2",
            "# TYPE d gauge",
            'd{n="1"} 1',
            "d 3",
            "# TYPE e gauge",
            "e 2",
        ]


def test_what_a_program_does_not_tell_any_more_is_gone(url: str, tmp_path: Path) -> None:
    metrics.write("a", [Sample("a", 1, {"step": "wait"})], tmp_path)
    metrics.write("a", [Sample("a", 1, {"step": "join"})], tmp_path)
    with urllib.request.urlopen(f"{url}/metrics") as response:
        assert b"wait" not in response.read()


def test_before_any_program_has_told_something_the_answer_is_empty(tmp_path: Path) -> None:
    """The machine is up then, which Prometheus sees by `up`."""
    assert metrics.read(tmp_path / "missing") == b""


def test_a_label_may_hold_any_text(tmp_path: Path) -> None:
    metrics.write("a", [Sample("a", 1, {"reason": 'say "no"\\\nor not'})], tmp_path)
    assert metrics.read(tmp_path).splitlines()[1] == rb'a{reason="say \"no\"\\\nor not"} 1'


def test_nothing_but_metrics_is_served(url: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("S")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{url}/secret")


def test_the_servers_unit_asks_for_no_rights_and_not_for_etcd() -> None:
    """A member that waits has no etcd, and that it waits is what is to be told."""
    text = unit("common", "machine-metrics.service")
    assert values(text, "DynamicUser") == ["yes"]
    assert not values(text, "Requires")
    assert values(text, "Restart") == ["always"]


def test_members_reach_all_ports_of_both_clusters_and_our_metrics_as_etcds_own() -> None:
    (ports,) = ETCD_MEMBER_PORTS
    first, last = map(int, ports.split("-"))
    assert {*chain(*ETCD_PORTS.values()), ETCD_METRICS_PORT, metrics.PORT} == {
        *range(first, last + 1)
    }
    assert int(MACHINE_METRICS_PORT) == metrics.PORT
