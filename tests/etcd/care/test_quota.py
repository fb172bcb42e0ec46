"""Real etcd members at their quota: history is compacted, space comes back, writes go on.

An alarm of one member stops all writes of the cluster, and the apiservers' own compaction begins
with a write. So without care nobody would ever write again.
"""

import contextlib
import subprocess
import time
from typing import Any

import pytest
from kilonode.etcd import care
from kilonode.etcd.care import Care
from kilonode.etcd.care_memory import HISTORY_SECONDS, Memory
from kilonode.etcd.client import Alarm, Client, EtcdError
from kilonode.etcd.health import UnhealthyError

from tests.etcd.machine import EXTRA_ARGS, Machine, eventually
from tests.etcd.world import Launch

MIB = 1 << 20
QUOTA = 16 * MIB


@pytest.fixture
def lone(machine: Launch) -> Machine:
    """A cluster of one member with a small quota."""
    made = machine("a")
    made.quota_bytes = QUOTA
    made.boot()
    return made


@pytest.fixture
def cluster(machine: Launch) -> list[Machine]:
    """Three members with a small quota, the leader first: it stays one on a busy computer too."""
    patience = "--heartbeat-interval=100 --election-timeout=3000"
    found = [machine(letter) for letter in "abc"]
    for each in found:
        each.quota_bytes = QUOTA
        each.extra_args = f"{EXTRA_ARGS} {patience}"
        each.boot()
    return sorted(found, key=lambda each: not each.leads())


def fill(machine: Machine, key: str = "event", mebibytes: float = 1) -> None:
    """Writes until the quota is reached; `key` may have a place for a number."""

    def write() -> None:
        for number in range(400):
            machine.put(key.format(number), bytes(int(mebibytes * MIB)))

    with pytest.raises(EtcdError, match="database space exceeded"):
        write()
    # Who refuses a write raises the alarm a moment later.
    eventually(lambda: bool(alarms(machine)), "the alarm is raised")


def care_of(machine: Machine, memory: Memory | None = None) -> Care:
    return Care(machine.client, machine.me, memory or Memory())


def remembering(machine: Machine, now: float, seconds: float) -> Memory:
    """What care knows that saw the cluster as it is now, so long before `now`."""
    memory = Memory()
    memory.note(machine.client.status(machine.me.address), now - seconds)
    return memory


def sizes(machines: list[Machine]) -> list[int]:
    return [each.client.status(each.me.address).size for each in machines]


def alarms(machine: Machine) -> list[Alarm]:
    return machine.client.alarms(machine.me.address)


def ended(leader: Machine, memory: Memory, now: float) -> bool:
    """Whether a run ended the alarm: none does while a follower is not through compacting."""
    with contextlib.suppress(UnhealthyError):
        care_of(leader, memory).run(now)
    return not alarms(leader)


def test_at_the_quota_old_history_goes_and_writes_go_on(cluster: list[Machine]) -> None:
    leader = cluster[0]
    fill(leader)
    now = time.monotonic()
    memory = remembering(leader, now, HISTORY_SECONDS)
    eventually(lambda: ended(leader, memory, now), "the alarm ends")
    assert max(sizes(cluster)) < 0.9 * QUOTA
    assert all(memory.done[what] for what in ("compactions", "defragmentations", "alarms_disarmed"))
    leader.put("event", bytes(MIB))


def test_history_of_the_last_five_minutes_is_never_compacted(lone: Machine) -> None:
    """Watches and paged lists of apiservers go back that far, and fail where it is gone."""
    fill(lone)
    now = time.monotonic()
    memory = remembering(lone, now, HISTORY_SECONDS - 1)
    ended(lone, memory, now)
    assert not memory.done["compactions"]
    lone.etcdctl("get", "event", "--rev=2", "--keys-only")
    # Two seconds later it may go, which shows that it is the age that keeps it.
    if not alarms(lone):
        fill(lone)
    ended(lone, memory, now + 2)
    with pytest.raises(subprocess.CalledProcessError):
        lone.etcdctl("get", "event", "--rev=2", "--keys-only")


def test_the_alarm_stays_while_the_data_itself_is_too_much(lone: Machine) -> None:
    """Disarmed, it would be raised again by the next write, after a member stood still in vain."""
    now = time.monotonic()
    memory = remembering(lone, now, HISTORY_SECONDS)
    batch = 0
    fill(lone, "event-{}", 0.1)
    while ended(lone, memory, now):
        batch += 1
        fill(lone, f"event-{batch}-{{}}", 0.1)
    before = memory.done["defragmentations"]
    with pytest.raises(UnhealthyError, match="NOSPACE stays"):
        care_of(lone, memory).run(now)
    assert alarms(lone)
    assert memory.done["defragmentations"] == before


def test_a_follower_leaves_all_to_the_leaders_machine(cluster: list[Machine]) -> None:
    leader, follower, _ = cluster
    fill(leader)
    now = time.monotonic()
    memory = remembering(follower, now, HISTORY_SECONDS)
    care_of(follower, memory).run(now)
    assert not memory.done
    assert alarms(leader)


def test_a_full_cluster_needs_no_more_than_its_quorum(cluster: list[Machine]) -> None:
    """The machine of the third may be gone for days, and until the files shrink nobody writes."""
    leader, follower, other = cluster
    fill(leader)
    follower.kill()
    now = time.monotonic()
    memory = remembering(leader, now, HISTORY_SECONDS)
    eventually(lambda: ended(leader, memory, now), "the alarm ends")
    assert max(sizes([leader, other])) < 0.9 * QUOTA
    leader.put("event", bytes(MIB))
    # So that an alert is due: its file is what it was.
    with pytest.raises((EtcdError, UnhealthyError), match=follower.me.address):
        care_of(leader, memory).run(now)
    follower.boot()
    eventually(
        lambda: ended(leader, memory, now) and max(sizes(cluster)) < 0.9 * QUOTA,
        "who was away has its turn",
    )


def test_a_leader_that_is_not_well_itself_touches_nothing(
    cluster: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would look whether its own file is below the quota."""
    leader, *_ = cluster
    fill(leader)
    now = time.monotonic()
    memory = remembering(leader, now, HISTORY_SECONDS)
    healthy = Client.check_health

    def sick(client: Client, address: str, **options: bool) -> None:
        if address == leader.me.address:
            raise UnhealthyError(f"{address} is slow")
        healthy(client, address, **options)

    monkeypatch.setattr(Client, "check_health", sick)
    with pytest.raises(UnhealthyError, match="is slow"):
        care_of(leader, memory).run(now)
    assert not memory.done
    assert alarms(leader)


def test_nobody_stands_still_for_less_while_a_member_is_down(
    cluster: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as all can write, it can wait."""
    leader, follower, _ = cluster
    follower.kill()
    monkeypatch.setattr(care, "pays", lambda status, full: True)
    memory = Memory()
    with pytest.raises(EtcdError, match=follower.me.address):
        care_of(leader, memory).run(time.monotonic())
    assert not memory.done


def test_nothing_is_touched_where_less_than_a_quorum_keeps_up(
    lone: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(lone)
    now = time.monotonic()
    memory = remembering(lone, now, HISTORY_SECONDS)
    monkeypatch.setattr(care, "_IN_SYNC", -1)
    with pytest.raises(UnhealthyError, match="entries behind"):
        care_of(lone, memory).run(now)
    assert not memory.done


def test_a_dead_durable_learner_does_not_keep_the_voters_full(
    lone: Machine, machine: Launch
) -> None:
    """Nothing waits for it, and it may be dead for days."""
    learner = machine("i")
    assert learner.me.address == lone.me.learner
    learner.prepare()
    learner.start()
    learner.kill()
    fill(lone)
    now = time.monotonic()
    memory = remembering(lone, now, HISTORY_SECONDS)
    eventually(lambda: ended(lone, memory, now), "the alarm ends")


def test_nothing_is_touched_while_a_learner_catches_up(
    lone: Machine, machine: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = machine("b")
    learner.prepare()
    # Added, but its etcd has not been started yet.
    memory = Memory()
    with pytest.raises(UnhealthyError, match="has never started"):
        care_of(lone, memory).run(time.monotonic())
    learner.start()
    monkeypatch.setattr(care, "_IN_SYNC", -1)
    with pytest.raises(UnhealthyError, match="entries behind"):
        care_of(lone, memory).run(time.monotonic())


def test_an_alarm_of_damaged_data_is_left_to_people(lone: Machine) -> None:
    body = {"action": "ACTIVATE", "memberID": "1", "alarm": "CORRUPT"}
    lone.client._post(lone.me.address, "maintenance/alarm", body)
    with pytest.raises(UnhealthyError, match="CORRUPT"):
        care_of(lone).run(time.monotonic())
    assert alarms(lone) == [Alarm("CORRUPT", 1)]


def test_the_leader_is_defragmented_last(
    cluster: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it stands still nobody writes, and it may lose its leadership."""
    leader = cluster[0]
    client, asked = leader.client, list[str]()
    monkeypatch.setattr(client, "defragment", asked.append)
    monkeypatch.setattr(care, "pays", lambda status, full: True)
    Care(client, leader.me, Memory()).run(time.monotonic())
    assert len(asked) == 3
    assert asked[-1] == leader.me.address


@pytest.mark.parametrize("full", [False, True])
def test_after_a_defragmentation_it_waits_until_all_are_healthy(
    full: bool, cluster: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a member that does not come back would be followed by the next."""
    leader, follower, _ = cluster
    client, asked = leader.client, list[str]()

    def defragment(address: str) -> None:
        asked.append(address)
        follower.kill()

    monkeypatch.setattr(client, "defragment", defragment)
    monkeypatch.setattr(Care, "_full", lambda _: full)
    monkeypatch.setattr(care, "pays", lambda status, full: True)
    monkeypatch.setattr(care, "_SETTLED_SECONDS", 1.0)
    with pytest.raises(EtcdError):
        Care(client, leader.me, Memory()).run(time.monotonic())
    assert len(asked) == 1


@pytest.mark.parametrize("step", ["compact", "defragment", "disarm"])
def test_what_a_killed_run_left_is_done_by_the_next(
    step: str, lone: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(lone)
    now = time.monotonic()
    memory = remembering(lone, now, HISTORY_SECONDS)

    class KilledError(Exception):
        pass

    client = lone.client
    sent = getattr(client, step)

    def send_and_die(*arguments: Any) -> None:
        sent(*arguments)
        raise KilledError

    monkeypatch.setattr(client, step, send_and_die)

    def reached() -> bool:
        try:
            Care(client, lone.me, memory).run(now)
        except UnhealthyError:
            return False
        except KilledError:
            return True
        return False

    eventually(reached, f"killed at {step}")
    monkeypatch.undo()
    eventually(lambda: ended(lone, memory, now), "the alarm ends")
    lone.put("event", bytes(MIB))
