"""A disk that takes long to keep a write slows the whole cluster: nobody begins on one."""

from dataclasses import replace

from kilonode.etcd.decision import Join, Restart, Wait, decide

from tests.etcd.world import Launch
from tests.unit.test_etcd_fsync import FLOOR, P99, told


def test_a_blank_member_does_not_join_on_a_slow_disk(machine: Launch) -> None:
    """And joins as soon as the disk is as fast as it should be: it may have been a neighbour."""
    founder, slow = machine("a"), machine("b")
    founder.boot()
    slow.set_fsync(12)
    preparation = slow.preparation()
    step = decide(preparation.look())
    assert isinstance(step, Wait)
    assert "99 % of fsyncs take up to 12.00 ms, 10 may" in step.reason
    assert told(slow.places.metrics) == {FLOOR: 0.01, P99: 0.012}
    assert len(founder.members()) == 1
    slow.set_fsync(8)
    assert isinstance(decide(preparation.look()), Wait), "measured again without a pause"
    preparation._disk._until = 0
    assert isinstance(decide(preparation.look()), Join)
    assert told(slow.places.metrics) == {FLOOR: 0.01, P99: 0.008}


def test_no_cluster_is_founded_on_a_slow_disk(machine: Launch) -> None:
    founder = machine("a")
    founder.set_fsync(11)
    assert isinstance(decide(founder.preparation().look()), Wait)


def test_a_member_with_data_starts_on_a_slow_disk_and_says_so(machine: Launch) -> None:
    """Its data is worth more: in a cluster that has lost its quorum all depends on it."""
    member = machine("a")
    member.boot()
    member.stop()
    for file in member.places.metrics.glob("*"):
        file.unlink()
    member.set_fsync(50)
    assert isinstance(decide(member.preparation().look()), Restart)
    assert told(member.places.metrics) == {FLOOR: 0.01, P99: 0.05}


def test_an_etcd_that_fails_again_and_again_is_not_kept_by_measurements(machine: Launch) -> None:
    member = machine("a")
    member.boot()
    member.stop()
    member.set_fsync(50)
    decide(member.preparation().look())
    assert told(member.places.metrics)[P99] == 0.0002, "measured once since the machine booted"


def test_a_learner_may_have_a_slow_disk(machine: Launch) -> None:
    """Nobody waits for what it writes."""
    founder, learner = machine("a"), machine("b")
    founder.boot()
    learner.me = replace(learner.me, learns=True)
    learner.set_fsync(12)
    assert isinstance(decide(learner.preparation().look()), Join)
    assert told(learner.places.metrics)[P99] == 0.012
