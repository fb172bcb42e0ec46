"""Whether a machine of an etcd cluster may be deleted: run before each of them is.

A cluster that works passes; so does one that is not born yet. A sick one stops the deployment.
"""

from __future__ import annotations

import argparse
import email.utils
import http.client
import json
import sys
import time
import urllib.error
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kilonode import etcd_versions, metadata, web
from kilonode.etcdctl import EVENTS, MAIN, Etcdctl
from kilonode.machine import Journal, environment

# A fresh right on the birth record may take a quarter of an hour to arrive.
_RECORD_PATIENCE_SECONDS = 1500.0
_PAUSE_SECONDS = 2.0
# Those who are not declared any more leave last, so a dead one of them stops what comes before.
_GONE = "if the settings do not name it any more: docs/operations.md, A dead member has to leave"


class UnhealthyError(Exception):
    """The text names the member and the reason."""


class UnreadableError(Exception):
    """Whether the cluster was ever born could not be found out."""


@dataclass(frozen=True)
class Question:
    """`addresses`: all that its voters can have. `learner`: the durable learner's. `member`: of the
    machine that is to be deleted, or made. `lone`: whether a cluster of one may be lost.
    `version`: of the etcd that the machine is to run next, as in 3.6.14.

    The learner does not count: nothing that the voters agree on depends on it, and an update may
    be what mends it.
    """

    etcd: Etcdctl
    addresses: Sequence[str]
    learner: str
    member: str
    container: str
    lone: bool
    version: str


def check(asked: Question) -> str:
    """What was found, if the cluster may be touched. Raises UnhealthyError or UnreadableError."""
    there = asked.etcd.listening(asked.addresses)
    answer = asked.etcd.ask(there, "member", "list")
    voters = _voters(asked, there, answer.stdout)
    sick = list(_sick(asked, voters))
    if sick:
        raise UnhealthyError(f"{'; '.join(sick)} ({_GONE})")
    if answer.returncode == 0:
        _check_version(asked, voters)
        if asked.member in map(_host, voters):
            _release(asked, voters)
        return f"all {len(voters)} members are healthy"
    if was_born(asked.container):
        reason = answer.stderr.decode().strip().splitlines()[-1:]
        raise UnhealthyError(
            f"the cluster was born, but has no quorum: {' '.join(reason)} (docs/operations.md, "
            "which situation is it?)"
        )
    return "the cluster is not born yet, so there is nothing to lose"


def _check_version(asked: Question, voters: Sequence[dict[str, Any]]) -> None:
    """Raises UnhealthyError if the new machine could never join the others."""
    others = [_host(member) for member in voters if _host(member) != asked.member]
    if not others:
        return
    try:
        found = asked.etcd.cluster_version(others[0])
        fits = etcd_versions.fits(asked.version, found)
    except (*web.ERRORS, KeyError) as error:
        raise UnhealthyError(f"{others[0]} does not tell the cluster's version: {error}") from error
    if not fits:
        raise UnhealthyError(
            f"etcd {asked.version} cannot join a cluster of version {found}, as etcd goes up one "
            "minor version at a time, and never down: set artifacts.etcd.version in "
            "config/artifacts.yaml to the cluster's minor version or the next"
        )


def _release(asked: Question, voters: Sequence[dict[str, Any]]) -> None:
    """Raises UnhealthyError if the others have no quorum without the member. Else one of them
    leads, if it can: Azure promises no clean shutdown to a deleted VM, and without one every write
    waits for an election."""
    if len(voters) == 2 or (len(voters) == 1 and not asked.lone):
        raise UnhealthyError(
            f"voters: {len(voters)}, so without the one at {asked.member} there is no quorum; "
            "first let all members join, with settings that leave this one as it is"
        )
    others = [member for member in voters if _host(member) != asked.member]
    if others:
        # The last to be replaced, as far as the order of the letters is the settings'.
        heir = max(others, key=lambda member: str(member["name"]))
        asked.etcd.ask([_host(member) for member in voters], "move-leader", f"{heir['ID']:x}")


def _voters(asked: Question, there: Sequence[str], answer: bytes) -> list[dict[str, Any]]:
    """The member list as the quorum has it, or else as any member that is there remembers it."""
    if not answer:
        command = ("member", "list", "--consistency=s")
        answer = asked.etcd.ask(there, *command).stdout
    members = json.loads(answer)["members"] if answer else []
    return [member for member in members if _host(member) != asked.learner]


def _sick(asked: Question, voters: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A word on each member that does not work; alarms are part of a member's health."""
    started = {_host(member): member for member in voters if member.get("name")}
    for member in voters:
        if not member.get("name"):
            yield f"the member at {_host(member)} has never started"
        elif member.get("isLearner"):
            yield f"member {member['name']} is still a learner"
    if not started:
        return
    told = json.loads(asked.etcd.ask(started, "endpoint", "health").stdout)
    for entry in sorted(told, key=lambda entry: str(entry["endpoint"])):
        member = started[urlsplit(entry["endpoint"]).hostname or ""]
        if not entry["health"] and not member.get("isLearner"):
            yield f"member {member['name']} is not healthy: {entry.get('error')}"


def _host(member: dict[str, Any]) -> str:
    return urlsplit(member["peerURLs"][0]).hostname or ""


def was_born(container: str) -> bool:
    """False only if the store itself says that the container holds no birth record."""
    try:
        headers = {
            "Authorization": f"Bearer {metadata.token('https://storage.azure.com')}",
            "x-ms-version": "2023-11-03",
            "x-ms-date": email.utils.formatdate(usegmt=True),
        }
        web.send(f"{container}/birth.json", headers)
    except urllib.error.HTTPError as error:
        code = str(error.headers.get("x-ms-error-code", ""))
        # A missing container, or a proxy that knows nothing, is no proof of anything.
        if error.code == http.client.NOT_FOUND and code == "BlobNotFound":
            return False
        raise UnreadableError(f"{error} {code}".strip()) from error
    except (*web.ERRORS, KeyError, TypeError) as error:
        raise UnreadableError(str(error)) from error
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cluster", choices=("main", "events"))
    parser.add_argument("--container", required=True, metavar="URL", help="of its birth record")
    parser.add_argument("--learner", required=True, metavar="ADDRESS", help="who does not count")
    parser.add_argument("--member", required=True, metavar="ADDRESS", help="who is replaced")
    parser.add_argument("--version", required=True, help="of the etcd that comes next")
    parser.add_argument("--patience", required=True, type=float, metavar="SECONDS")
    given = parser.parse_args()
    main_cluster = given.cluster == "main"
    candidates = environment()["ETCD_CANDIDATES" if main_cluster else "EVENTS_CANDIDATES"]
    etcd = MAIN if main_cluster else EVENTS
    asked = Question(
        etcd,
        candidates.split(),
        given.learner,
        given.member,
        given.container,
        # The settings allow a cluster of one for events.
        lone=not main_cluster,
        version=given.version,
    )
    journal, begun = Journal(), time.monotonic()
    while True:
        try:
            found = check(asked)
        except UnhealthyError as error:
            reason, patience = f"{given.cluster} etcd: {error}", given.patience
        except UnreadableError as error:
            patience = _RECORD_PATIENCE_SECONDS
            reason = (
                f"{given.cluster} etcd: no member answers, and its birth record neither: {error}"
            )
        else:
            journal.say(f"preflight: {given.cluster} etcd: {found}")
            return
        if time.monotonic() > begun + patience:
            sys.exit(f"preflight: {reason}")
        journal.say(f"preflight: {reason}")
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main()
