"""Finds the members of both etcd clusters, for the apiserver's flags.

They are asked for and not written into user data: growing or shrinking a cluster must not replace
the masters.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kilonode.etcdctl import EVENTS, MAIN, Etcdctl
from kilonode.machine import environment, say, write_atomically

SERVERS_FILE = Path("/run/kilonode/etcd-servers.env")
LAST_GOOD = Path("/var/lib/kilonode/etcd-servers.json")


def voters(member_list: Mapping[str, Any], candidates: Sequence[str]) -> list[str]:
    """Client URLs of the members that vote and have started, sorted.

    member_list: etcdctl's JSON. Only addresses that the cluster's members may have are taken.
    """
    urls = [
        url
        for member in member_list["members"]
        if not member.get("isLearner", False)
        for url in member.get("clientURLs", [])
    ]
    return sorted(url for url in urls if urlsplit(url).hostname in candidates)


def ask(cluster: Etcdctl, candidates: Sequence[str]) -> list[str]:
    """The voters' client URLs, as any candidate of a working cluster says; else none."""
    answer = cluster.ask(candidates, "member", "list")
    return [] if answer.returncode else voters(json.loads(answer.stdout), candidates)


def ask_both() -> dict[str, list[str]]:
    """As `ask`, of the clusters `main` and `events`."""
    variables = environment()
    return {
        "main": ask(MAIN, variables["ETCD_CANDIDATES"].split()),
        "events": ask(EVENTS, variables["EVENTS_CANDIDATES"].split()),
    }


def unknown_to_the_apiserver() -> list[str]:
    """Voters that came after it was started: it keeps the members that it started with.

    None while one of the clusters does not answer: an apiserver starts with both or not at all.
    """
    started = environment(SERVERS_FILE)
    known = {*started["ETCD_SERVERS"].split(","), *started["EVENTS_SERVERS"].split(";")}
    answers = list(ask_both().values())
    if not all(answers):
        return []
    return [url for urls in answers for url in urls if url not in known]


def main() -> None:
    known: dict[str, list[str]] = json.loads(LAST_GOOD.read_text()) if LAST_GOOD.exists() else {}
    for cluster, found in ask_both().items():
        if found:
            known[cluster] = found
        elif cluster in known:
            say(f"no member of the {cluster} etcd answers; going on with the last known ones")
        else:
            sys.exit(f"no member of the {cluster} etcd answers, and none ever did")
    write_atomically(LAST_GOOD, json.dumps(known).encode(), 0o600)
    # The documents' separators (D3): a comma between servers, a semicolon where a comma already
    # stands between overrides.
    main_servers, events_servers = ",".join(known["main"]), ";".join(known["events"])
    lines = f'ETCD_SERVERS="{main_servers}"\nEVENTS_SERVERS="{events_servers}"\n'
    write_atomically(SERVERS_FILE, lines.encode(), 0o644)


if __name__ == "__main__":
    main()
