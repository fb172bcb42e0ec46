"""etcd machines with power: while it is on, their etcd is prepared, started and started again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from kilonode.etcd import last_snapshot, member, promote, record_watch, snapshot
from kilonode.etcd.client import EtcdError
from kilonode.etcd.decision import Situation
from kilonode.etcd.member import Preparation
from kilonode.etcd.restore import Plan
from kilonode.etcd.snapshot import Taken

from tests.etcd.authority import Authority
from tests.etcd.losses.disk import Disk
from tests.etcd.losses.load import Target
from tests.etcd.machine import CLIENT_PORT, Machine, Unit, eventually
from tests.etcd.snapshots.programs import restoring, workshop
from tests.etcd.world import World

# RestartSec= of etcd.service.
RESTART_SECONDS = 2.0
# OnUnitInactiveSec= of etcd-record.timer.
RECORD_SECONDS = 20.0
# The unit's own flags hold here: its elections, and a disk that is waited for.
EXTRA_ARGS = "--log-level=error"
LEARNER = "i"
# A last resort, not a measure of speed.
PATIENCE_SECONDS = 120.0


class PowerOffError(Exception):
    """Ends what runs on a machine."""


class Powered:
    """One machine, and what systemd does on it."""

    def __init__(
        self, machine: Machine, programs: Path, sync_delay: str = "0s", *, learns: bool = False
    ) -> None:
        """`learns`: it never becomes a voter."""
        machine.extra_args = EXTRA_ARGS
        self.machine = machine
        local = machine.places.data.parent
        self.disk = Disk(programs, machine.folder / "backing", local, sync_delay)
        self.learns = learns
        self.on_since = 0.0
        self._off = threading.Event()
        self._life: threading.Thread | None = None

    def on(self) -> None:
        self._off.clear()
        self.on_since = time.monotonic()
        self._life = threading.Thread(target=self._live, name=self.machine.me.name)
        self._life.start()

    def cut(self) -> None:
        """Its power fails."""
        self._end(self.machine.kill)
        self.disk.cut()

    def stop_etcd(self) -> None:
        """Its etcd is told to end, and does."""
        self._end(self.machine.stop)

    def shut_down(self) -> Taken | None:
        """It is told to stop, and does; then what etcd-last-snapshot.service kept."""
        self.stop_etcd()
        return last_snapshot.keep(self.machine.me, workshop(self.machine), self.machine.places.data)

    def lose_local_disk(self) -> None:
        """Its power fails, and another disk is there when it comes back."""
        self.cut()
        self.disk.wipe()

    def status(self) -> dict[str, Any]:
        """As etcdctl tells it: header, leader, dbSize …"""
        told = self.machine.etcdctl("endpoint", "status", "--write-out=json")
        status: dict[str, Any] = json.loads(told)[0]["Status"]
        return status

    def processes(self) -> list[int]:
        """Of its etcd, while that runs, and of its disk."""
        return [self.machine.pid, self.disk.pid]

    def is_leader(self) -> bool:
        status = self.status()
        return bool(status["leader"] == status["header"]["member_id"])

    def end(self) -> None:
        self._end(self.machine.kill)
        self.disk.end()

    def _end(self, how: Callable[[], None]) -> None:
        self._off.set()
        how()
        if self._life:
            self._life.join()
            self._life = None
        # An etcd that was being started meanwhile.
        how()

    def _live(self) -> None:
        """etcd-member.service, etcd.service and etcd-promote.service."""
        try:
            while True:
                member.prepare(UntilPowerOff(self.machine, self._off))
                self.machine.start(wait=False)
                self._serve()
                self._pause(RESTART_SECONDS)
        except PowerOffError:
            return

    def _serve(self) -> None:
        """Until its etcd ends."""
        up, looked = False, time.monotonic()
        while self.machine.running:
            if not up and (up := self._is_up()):
                # ExecStartPost=
                self.machine.places.intention.unlink(missing_ok=True)
            if time.monotonic() - looked > RECORD_SECONDS:
                looked = time.monotonic()
                if self._is_over():
                    self.machine.stop()
            self._pause(0.2)

    def _is_over(self) -> bool:
        """etcd-record.service."""
        machine = self.machine
        return record_watch.is_over(
            machine.client, machine.me, machine.container, machine.places.data
        )

    def _is_up(self) -> bool:
        try:
            if self.learns:
                return bool(self.machine.client.own_id(self.machine.me.address))
            return promote.promoted(self.machine.client, self.machine.me)
        except EtcdError:
            return False

    def _pause(self, seconds: float) -> None:
        if self._off.wait(seconds):
            raise PowerOffError


class UntilPowerOff(Preparation):
    """A preparation that ends with the power: it may wait for ever."""

    def __init__(self, machine: Machine, off: threading.Event) -> None:
        super().__init__(machine.me, machine.parameters, machine.places)
        self._off = off

    def look(self) -> Situation:
        if self._off.is_set():
            raise PowerOffError
        return super().look()


class Cluster:
    """The machines of one cluster, and where its clients find it."""

    def __init__(
        self, machines: list[Powered], programs: Path, learner: Powered | None = None
    ) -> None:
        """`machines`: of the voters."""
        self.machines, self.learner = machines, learner
        self.target = Target(
            program=programs / "etcd-load",
            endpoints=tuple(
                f"https://{each.machine.me.address}:{CLIENT_PORT}" for each in machines
            ),
            pki=machines[0].machine.places.pki,
        )

    @property
    def majority(self) -> int:
        return len(self.machines) // 2 + 1

    def leader(self) -> Powered:
        """While all members are healthy."""
        eventually(lambda: any(each.is_leader() for each in self.machines), "there is a leader")
        return next(each for each in self.machines if each.is_leader())

    def followers(self) -> list[Powered]:
        leader = self.leader()
        return [each for each in self.machines if each is not leader]

    def ids(self) -> dict[str, int]:
        """Of the members, by their machines' names."""
        return {member.name: member.id for member in self.machines[0].machine.members()}

    def is_whole(self) -> bool:
        """Whether all are voters, and healthy."""
        size = len(self.machines) + bool(self.learner)
        machines = [each.machine for each in self.machines]
        try:
            return all(each.is_healthy() and len(each.members()) == size for each in machines)
        except EtcdError:
            return False

    def becomes_whole(self) -> None:
        eventually(self.is_whole, "all members are healthy voters", seconds=PATIENCE_SECONDS)


@contextmanager
def cluster(
    size: int,
    folder: Path,
    programs: Path,
    container: str,
    *,
    sync_delay: str = "0s",
    learner_delay: str | None = None,
    authority: Authority | None = None,
) -> Iterator[Cluster]:
    """A healthy cluster, born as a chain of machines makes one. Nothing of it stays.

    learner_delay: of each sync of a durable learner; without it there is none.
    """
    with ExitStack() as stack:
        world = World(folder, programs, container, authority=authority)
        letters = "abcdefgh"[:size]
        world.declare(letters, learner=LEARNER if learner_delay else "")

        def power(letter: str, delay: str, *, learns: bool = False) -> Powered:
            powered = Powered(world.machine(letter), programs, delay, learns=learns)
            stack.callback(powered.end)
            powered.on()
            return powered

        machines = []
        for letter in letters:
            machines.append(power(letter, sync_delay))
            machines[-1].machine.wait_until_voter()
        learner = power(LEARNER, learner_delay, learns=True) if learner_delay else None
        made = Cluster(machines, programs, learner)
        made.becomes_whole()
        yield made


def take_snapshot(powered: Powered) -> Taken:
    """What etcd-snapshot.service does when it is due."""
    address = powered.machine.me.address
    return snapshot.take(
        address, workshop(powered.machine), reason="scheduled", folders=("recent",)
    )


def restore_on(powered: Powered) -> Plan:
    """etcd-restore, by an operator who says yes to what it shows."""
    run = restoring(powered.machine, Unit(powered.stop_etcd, powered.on))
    plan = run.plan()
    assert not plan.objections
    run.carry_out(plan)
    return plan


def each_at_once(action: Callable[[Powered], object], machines: Iterable[Powered]) -> None:
    """A zone, or everything, is struck at the same moment."""
    threads = [threading.Thread(target=action, args=[each]) for each in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
