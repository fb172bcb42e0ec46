"""`make up` with other members: main grows to five and a durable learner, and shrinks.

Three machines more than the stack file has, so it is for `make soak`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.conftest import Cluster, azure_writes, eventually, local_azure, make
from tests.cluster.operations_page import typed
from tests.cluster.project import with_main_etcd
from tests.cluster.test_losses import healthy
from tests.cluster.test_machines_heal import ETCDCTL
from tests.cluster.test_operations import hosts_die, knows
from tests.cluster.test_rolling_replacement import etcd_writes
from tests.cluster.writing import Writing

pytestmark = pytest.mark.soak

LEARNER = "local-etcd-learner"
ADDED = ["local-etcd-d", "local-etcd-e", LEARNER]


@pytest.fixture(scope="module")
def grown(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Main has five voters and a learner, and at the end the three that it had."""
    before, since = ids(cluster), len(azure_writes())
    with Writing(cluster) as writing:
        make(
            "up",
            top=with_main_etcd(tmp_path_factory.mktemp("grown"), members=[*"abcde"], learner={}),
        )
    assert etcd_writes(since) == [("PUT", name) for name in ADDED], "nobody is replaced"
    assert ids(cluster).keys() == {*before, *ADDED}
    assert before.items() < ids(cluster).items()
    assert not writing.lost(), "an acknowledged write is never lost"
    yield
    before, since = ids(cluster), len(azure_writes())
    with Writing(cluster) as writing:
        make("up")
    assert sorted(etcd_writes(since)) == [("DELETE", name) for name in ADDED]
    left = {name: id for name, id in before.items() if name not in ADDED}
    assert ids(cluster) == left
    assert healthy(cluster)
    assert not writing.lost(), "an acknowledged write is never lost"


def ids(cluster: Cluster) -> dict[str, str]:
    """Of all members, by machine. A learner would not tell."""
    shown = cluster.on("local-etcd-a", ETCDCTL, "member", "list")
    return {row[2]: row[0] for row in (line.split(", ") for line in shown.splitlines())}


@pytest.mark.usefixtures("grown")
def test_a_durable_learner_on_another_host_is_the_same_member(cluster: Cluster) -> None:
    """Its data is on a disk that outlives its machine's."""
    before = ids(cluster)[LEARNER]
    local_azure("machines", "redeploy", LEARNER)
    cluster.on(LEARNER, "timeout", "240", "/opt/kilonode/bin/gate")
    assert ids(cluster)[LEARNER] == before


@pytest.mark.usefixtures("grown")
def test_all_voters_lost_are_restored_from_the_durable_learner(cluster: Cluster) -> None:
    with Writing(cluster) as writing:
        eventually(lambda: len(writing.acknowledged) > 3, 60, "there are writes")
    last = max(writing.acknowledged)
    eventually(lambda: knows(cluster, LEARNER, last), 60, "the learner has heard of the last write")
    hosts_die([name for name in cluster.machines("etcd") if name != LEARNER])
    eventually(lambda: "the member at" in typed("restore-look", refused=True), 120, "it is found")
    typed("restore")
    eventually(lambda: healthy(cluster), 300, "all have joined")
    assert not writing.lost(), "the learner knew every acknowledged write"
