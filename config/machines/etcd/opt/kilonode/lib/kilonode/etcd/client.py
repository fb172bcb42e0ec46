"""Requests to etcd members through their JSON gateway, over TLS with this member's certificate."""

from __future__ import annotations

import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from kilonode.etcd.decision import Answer, Member

# Most addresses that a member can have are nobody's, and connecting to those ends in a time-out.
_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
# Of what goes through a whole data file.
_LONG_ANSWER_SECONDS = 300.0


class EtcdError(Exception):
    """The member does not answer, or answers with an error."""


@dataclass(frozen=True)
class Status:
    """A member's word on itself. Sizes in bytes: of the data file, of what is in use of it, and
    the size of the file that raises the alarm. `leader`: 0 if it knows none."""

    cluster_id: int
    member_id: int
    leader: int
    revision: int
    applied: int
    size: int
    in_use: int
    quota: int


@dataclass(frozen=True)
class Alarm:
    """`kind`: NOSPACE or CORRUPT. `member_id`: who raised it."""

    kind: str
    member_id: int


class Client:
    """One port of any member. All methods raise EtcdError."""

    def __init__(self, port: int, pki: Path) -> None:
        """`pki` holds ca.crt, member.crt and member.key. Raises OSError if it does not."""
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / "member.crt", pki / "member.key")

    def members(self, address: str) -> tuple[Member, ...]:
        """The member list, confirmed by a leader with a quorum."""
        return _members(self._post(address, "cluster/member/list", {"linearizable": True}))

    def answer(self, address: str) -> Answer:
        """What a starting member has to know of a running one."""
        path = "cluster/member/list"
        try:
            listed, agreed = self._post(address, path, {"linearizable": True}), True
        except EtcdError:
            listed, agreed = self._post(address, path, {"linearizable": False}), False
        return Answer(
            address=address,
            cluster_id=int(listed["header"]["cluster_id"]),
            member_id=int(listed["header"]["member_id"]),
            members=_members(listed),
            agreed=agreed,
            version=self._get(address, "/version")["etcdcluster"],
        )

    def answers(self, addresses: Iterable[str]) -> tuple[Answer, ...]:
        """Of those that answer; all are asked at once.

        Once one has told the member list, the others have no longer than a moment.
        """
        told: SimpleQueue[tuple[str, Answer | None]] = SimpleQueue()
        pending = set(addresses)
        for address in addresses:
            # Daemons, so that a program that has heard enough ends at once.
            Thread(target=lambda at=address: told.put(self._ask(at)), daemon=True).start()
        heard: list[Answer] = []
        patience = 3 * (_CONNECT_SECONDS + _ANSWER_SECONDS)
        while pending:
            try:
                address, answer = told.get(timeout=patience)
            except Empty:
                break
            pending.remove(address)
            heard += [answer] if answer else []
            lists = [answer for answer in heard if answer.agreed]
            if lists and pending.isdisjoint(host for answer in lists for host in hosts(answer)):
                # Time enough for members of another cluster, which nobody listed.
                patience = 0.2
        return tuple(heard)

    def _ask(self, address: str) -> tuple[str, Answer | None]:
        try:
            return address, self.answer(address)
        except EtcdError:
            return address, None

    def own_id(self, address: str) -> int:
        """Of the member itself; learners tell it too."""
        return self.status(address).member_id

    def status(self, address: str) -> Status:
        answer = self._post(address, "maintenance/status", {})
        header = answer["header"]
        return Status(
            cluster_id=int(header["cluster_id"]),
            member_id=int(header["member_id"]),
            leader=int(answer.get("leader", 0)),
            revision=int(header.get("revision", 0)),
            applied=int(answer.get("raftAppliedIndex", 0)),
            size=int(answer["dbSize"]),
            in_use=int(answer["dbSizeInUse"]),
            quota=int(answer["dbSizeQuota"]),
        )

    def count(self, address: str) -> int:
        """Of all keys."""
        everything = {"key": "AA==", "range_end": "AA==", "count_only": True}
        return int(self._post(address, "kv/range", everything).get("count", 0))

    def put_if_absent(self, address: str, key: str, value: str) -> None:
        key, value = (b64encode(text.encode()).decode() for text in (key, value))
        absent = {"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": "0"}
        body = {"compare": [absent], "success": [{"request_put": {"key": key, "value": value}}]}
        self._post(address, "kv/txn", body)

    def add_learner(self, address: str, peer_url: str) -> tuple[Member, ...]:
        """The member list with the new entry, whose name is still empty."""
        body = {"peerURLs": [peer_url], "isLearner": True}
        return _members(self._post(address, "cluster/member/add", body))

    def remove(self, address: str, member_id: int) -> None:
        self._post(address, "cluster/member/remove", {"ID": str(member_id)})

    def promote(self, address: str, member_id: int) -> None:
        """Makes a learner that is in sync with its leader a voter."""
        self._post(address, "cluster/member/promote", {"ID": str(member_id)})

    def hand_over(self, leader: str, member_id: int) -> None:
        """Makes the leader, whose address it is, give the lead to another voter."""
        self._post(leader, "maintenance/transfer-leadership", {"targetID": str(member_id)})

    def alarms(self, address: str) -> list[Alarm]:
        answer = self._post(address, "maintenance/alarm", {"action": "GET"})
        # An alarm without a kind is none.
        alarms = (entry for entry in answer.get("alarms", []) if "alarm" in entry)
        return [Alarm(entry["alarm"], int(entry["memberID"])) for entry in alarms]

    def disarm(self, address: str, alarm: Alarm) -> None:
        body = {"action": "DEACTIVATE", "memberID": str(alarm.member_id), "alarm": alarm.kind}
        self._post(address, "maintenance/alarm", body)

    def compact(self, address: str, revision: int) -> None:
        """Forgets what was overwritten before `revision`, and returns when its space is free."""
        body = {"revision": str(revision), "physical": True}
        self._post(address, "kv/compaction", body, _LONG_ANSWER_SECONDS)

    def defragment(self, address: str) -> None:
        """Gives free space back to the disk. The member answers nobody meanwhile."""
        self._post(address, "maintenance/defragment", {}, _LONG_ANSWER_SECONDS)

    def check_health(self, address: str, *, learner: bool = False, full: bool = False) -> None:
        """Raises EtcdError unless the member can read what the quorum agreed on.

        A learner may not, so it only has to read what it has. `full`: healthy despite NOSPACE.
        """
        allowed = {"serializable=true": learner, "exclude=NOSPACE": full}
        query = "&".join(parameter for parameter, given in allowed.items() if given)
        answer = self._get(address, f"/health?{query}")
        if answer.get("health") != "true":
            raise EtcdError(f"{address} is not healthy: {answer.get('reason')}")

    def _post(
        self, address: str, path: str, body: Mapping[str, Any], seconds: float = 0
    ) -> dict[str, Any]:
        return self._request(address, "POST", f"/v3/{path}", json.dumps(body), seconds)

    def _get(self, address: str, path: str) -> dict[str, Any]:
        return self._request(address, "GET", path, None)

    def _request(
        self, address: str, method: str, path: str, body: str | None, seconds: float = 0
    ) -> dict[str, Any]:
        connection = http.client.HTTPSConnection(
            address, self._port, timeout=_CONNECT_SECONDS, context=self._tls
        )
        try:
            connection.connect()
            connection.sock.settimeout(seconds or _ANSWER_SECONDS)
            connection.request(method, path, body)
            response = connection.getresponse()
            content: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EtcdError(f"{address}: {error}") from error
        finally:
            connection.close()
        # An unhealthy member says so with status 503 and its reason.
        if response.status != http.client.OK and "health" not in content:
            raise EtcdError(f"{address}: {content.get('message', response.reason)}")
        return content


def hosts(answer: Answer) -> Iterator[str]:
    """Addresses of the members that the answer lists."""
    yield from map(address_of, answer.members)


def address_of(member: Member) -> str:
    """Ours have one, for peers and clients."""
    return urlsplit(member.peer_urls[0]).hostname or ""


def _members(answer: Mapping[str, Any]) -> tuple[Member, ...]:
    """The gateway leaves out what is empty or false, and writes 64-bit numbers as text."""
    return tuple(
        Member(
            id=int(entry["ID"]),
            name=entry.get("name", ""),
            peer_urls=tuple(entry.get("peerURLs", ())),
            is_learner=entry.get("isLearner", False),
        )
        for entry in answer["members"]
    )
