"""Makes a cluster that lost its quorum again, from a snapshot.

Only shows what it would do and what is lost, unless --yes names the cluster. Run on a machine of a
voter, which then is the cluster; the others join it by themselves, whatever data they have. Killed
anywhere, it can be run again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError

from kilonode import web
from kilonode.etcd import (
    birth_record,
    data_dir,
    rehearsal,
    running,
    snapshot,
    snapshot_store,
)
from kilonode.etcd.client import Client, EtcdError
from kilonode.etcd.decision import Declared, Record, Unreadable, cluster_of_one
from kilonode.etcd.declared import Declaration
from kilonode.etcd.member import Places
from kilonode.etcd.running import Running
from kilonode.etcd.service import Service
from kilonode.etcd.snapshot import SnapshotError, Workshop
from kilonode.etcd.snapshot_store import Snapshot
from kilonode.etcd.this_member import ThisMember, this_member
from kilonode.machine import environment, say

_PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 0.5
# etcdutl counts the space for more than the file itself: a log, and pages that are written anew.
_TIMES_SIZE = 3


class RestoreError(Exception):
    """Why the cluster is not restored; the text is for the operator."""


@dataclass(frozen=True)
class Plan:
    """`source`: a snapshot, or a member without a leader that knows more. `highest`: the revision
    that anybody is known to have seen. `silent`: voters that may run, for all that is known here.
    `objections`: why --from has to name the snapshot."""

    record: Record
    source: Snapshot | Running
    highest: int
    silent: Sequence[str]
    objections: Sequence[str]


class Restore:
    """Of the cluster that this machine is a declared voter of."""

    def __init__(
        self,
        me: ThisMember,
        parameters: Mapping[str, str],
        places: Places,
        workshop: Workshop,
        service: Service,
    ) -> None:
        self._me, self._places, self._service = me, places, service
        self._workshop = workshop
        self._metrics_port = int(parameters["ETCD_METRICS_PORT"])
        self._declaration = Declaration(parameters, places.bundle)

    @property
    def _client(self) -> Client:
        return self._workshop.client

    def plan(self, chosen: str | None = None) -> Plan:
        """`chosen`: name of the snapshot to use. Raises RestoreError, or one of web.ERRORS."""
        declared = self._declaration.look_up()
        if self._me.name not in declared.voters:
            raise RestoreError(f"{self._me.name} is no declared voter: run this on one's machine")
        addresses = (self._me.address, *self._me.peers)
        for answer in self._client.answers(addresses):
            if answer.agreed:
                raise RestoreError(
                    f"a quorum lives: cluster {answer.cluster_id:x} has a leader by the word of "
                    f"{answer.address}; nothing needs to be restored, and nothing was"
                )
        record = birth_record.read(self._workshop.container)
        if isinstance(record, Unreadable):
            raise RestoreError(f"the birth record cannot be read: {record.reason}")
        if not record:
            raise RestoreError("the cluster was never born: its founder will found it")
        found = snapshot_store.snapshots(self._workshop.container)
        heard = running.members(self._client, addresses, self._metrics_port)
        # A member of an older life counts for nothing.
        alive = [one for one in heard if one.cluster_id in (None, record.cluster_id)]
        silent = self._silent(declared, {one.address for one in heard})
        seen = [one.revision for one in found] + [one.revision for one in alive]
        highest = max([record.revision, *seen])
        if chosen:
            return Plan(record, _named(found, chosen), highest, silent, ())
        source = _best(snapshot_store.newest(found, record.cluster_id), alive, record)
        objections = [
            f"{one.address} is at revision {one.revision}, but serves nobody since it was started "
            "again: run etcd-snapshot --own on its machine first"
            for one in alive
            if one.cluster_id is None and _is_newer(one, source, record)
        ]
        objections += [
            f"the durable learner {name} does not run, and may know more"
            for name, address in declared.learners.items()
            if address not in {one.address for one in alive}
        ]
        return Plan(record, source, highest, silent, objections)

    def _silent(self, declared: Declared, heard: Set[str]) -> list[str]:
        """No objection: machines that are gone for good would raise it for ever."""
        return [
            name
            for name, address in declared.voters.items()
            if address not in {self._me.address, *heard}
            and not running.refuses(address, self._me.client_port)
        ]

    def carry_out(self, plan: Plan) -> None:
        """Raises RestoreError, SnapshotError, EtcdError, CalledProcessError or web.ERRORS."""
        source = plan.source
        if isinstance(source, Running):
            say(f"taking a snapshot of {source.address}, which has no leader")
            taken = snapshot.take(source.address, self._workshop, reason="restore")
            found = snapshot_store.snapshots(self._workshop.container)
            source = _named(found, taken.name)
        needed = _TIMES_SIZE * source.size + snapshot.MORE_BYTES
        with snapshot.scratch(self._workshop.scratch, needed) as folder:
            say(f"fetching {source.name}")
            snapshot.fetch(source, folder / "snapshot.db", self._workshop.container)
            self._rise(plan, folder)

    def _rise(self, plan: Plan, folder: Path) -> None:
        """What is at stake changes with the record: until then nothing is lost by ending here, and
        from then on no older data can rise again."""
        me, restored = self._me, folder / "etcd"
        revision = snapshot.revision_of(folder / "snapshot.db", self._workshop.programs)
        begins = max(plan.highest, revision) + snapshot.BUMP
        token = secrets.token_hex(8)
        say("restoring it beside this machine's data")
        snapshot.restore(
            folder / "snapshot.db",
            restored,
            self._workshop.programs,
            bump=begins - revision,
            options=(
                f"--name={me.name}",
                f"--initial-cluster={me.name}={me.peer_url}",
                f"--initial-advertise-peer-urls={me.peer_url}",
                f"--initial-cluster-token={token}",
            ),
        )
        cluster_id = cluster_of_one(me.peer_url, token)
        data = data_dir.read(restored)
        if not data or data.cluster_id != cluster_id:
            raise RestoreError(f"the restored data is not of cluster {cluster_id:x}")
        self._service.stop()
        record = Record(me.name, token, cluster_id, revision=begins)
        try:
            birth_record.write(self._workshop.container, record, over=plan.record)
        except web.ERRORS:
            # Written or not: what becomes of this machine's data is up to the record from now on.
            self._service.start()
            raise
        if self._places.data.exists():
            data_dir.set_aside(self._places.data)
        restored.rename(self._places.data)
        self._service.start()
        say(f"the cluster is {cluster_id:x} from now on; waiting for this machine's etcd")
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self._client.check_health(self._me.address)
                return
            except EtcdError as error:
                if time.monotonic() > deadline:
                    raise RestoreError(f"etcd does not come up: {error}") from error
            time.sleep(_PAUSE_SECONDS)


def describe(plan: Plan) -> list[str]:
    """What the operator has to know before he says yes."""
    source = plan.source
    lines = [f"cluster {plan.record.cluster_id:x}, founded by {plan.record.founder}, has no leader"]
    if isinstance(source, Running):
        lines.append(f"newest data: the member at {source.address}, revision {source.revision}")
        lines.append("lost: what other voters agreed on and this member was not told any more")
    else:
        lines.append(f"newest data: {source.name}, revision {source.revision}, {_age(source)} old")
        lines.append(f"lost: all that was written in these {_age(source)}")
        if source.cluster_id != plan.record.cluster_id:
            lines.append(f"it is of an earlier life of the cluster, {source.cluster_id:x}")
    if (known := plan.highest - source.revision) > 0:
        lines.append(f"revision {plan.highest} is known of, so at least {known} writes are lost")
    if plan.silent:
        lines.append(
            f"silent: {', '.join(plan.silent)}; if these still run, and only the network to them "
            "is broken, this ends their cluster: look from their machines, too"
        )
    return lines + [f"objection: {objection}" for objection in plan.objections]


def _age(source: Snapshot) -> str:
    minutes, seconds = divmod(max(0, round(time.time() - source.kept.timestamp())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {seconds} s"


def _named(found: Sequence[Snapshot], name: str) -> Snapshot:
    for one in found:
        if one.name == name:
            return one
    raise RestoreError(f"there is no snapshot {name}: --list shows all")


def _best(newest: Snapshot | None, alive: Sequence[Running], record: Record) -> Snapshot | Running:
    serving = [one for one in alive if one.cluster_id == record.cluster_id]
    most = max(serving, key=lambda one: one.revision, default=None)
    if most and (newest is None or _is_newer(most, newest, record)):
        return most
    if newest is None:
        raise RestoreError("there is no snapshot, and no member runs that one could be taken of")
    return newest


def _is_newer(one: Running, source: Snapshot | Running, record: Record) -> bool:
    if isinstance(source, Snapshot) and source.cluster_id != record.cluster_id:
        return True
    return one.revision > source.revision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yes", metavar="CLUSTER", help="the cluster's name: do it")
    parser.add_argument("--from", metavar="NAME", dest="chosen", help="use this snapshot")
    parser.add_argument("--list", action="store_true", help="show all snapshots, the newest last")
    parser.add_argument(
        "--scratch", metavar="DIR", type=Path, help="rehearse there; the cluster is not touched"
    )
    arguments = parser.parse_args()
    parameters = environment()
    me = this_member(parameters)
    workshop = snapshot.workshop(me, parameters)
    try:
        if arguments.list:
            for one in snapshot_store.snapshots(workshop.container):
                print(f"{one.name}  {one.size >> 10} KiB  {_age(one)} old")
        elif arguments.scratch:
            found = snapshot_store.snapshots(workshop.container)
            if not found:
                raise RestoreError("there is no snapshot to rehearse with")
            source = _named(found, arguments.chosen) if arguments.chosen else found[-1]
            print(rehearsal.rehearse(source, arguments.scratch, workshop))
        else:
            restore = Restore(me, parameters, Places(), workshop, Service())
            plan = restore.plan(arguments.chosen)
            print("\n".join(describe(plan)))
            _ask(arguments.yes, parameters["CLUSTER_NAME"], plan)
            restore.carry_out(plan)
            print(f"restored: {me.name} is the cluster, and the others join it by themselves")
    except (RestoreError, SnapshotError, EtcdError, CalledProcessError, *web.ERRORS) as error:
        sys.exit(f"not restored: {error}")


def _ask(yes: str | None, cluster: str, plan: Plan) -> None:
    if yes is None:
        sys.exit(f"nothing was changed; to restore: etcd-restore --yes {cluster}")
    if yes != cluster:
        raise RestoreError(f"this machine is of cluster {cluster}, not {yes}")
    if plan.objections:
        raise RestoreError("see the objections; --from NAME chooses a snapshot in spite of them")


if __name__ == "__main__":
    main()
