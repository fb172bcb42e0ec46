"""What everything that runs on nodes asks of the API, counted from the audit log (D7, E4).

The policy of the stack leaves out what thousands of nodes do every few seconds; while this counts,
the masters write everything.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster.conftest import Cluster, eventually
from tests.conftest import Tell

SETTLED_SECONDS = 20
# Most of it is leases, six a minute.
MINUTES = 1
POLICY = "/etc/kilonode/audit-policy.yaml"
EVERYTHING = (
    "apiVersion: audit.k8s.io/v1\nkind: Policy\n"
    "omitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
)
READ_LOGS = "cd /var/log/kilonode && find . -name 'audit*' -newermt '{since}' -exec zcat -f {{}} +"
# What a program on a node may list or watch of the whole cluster, each for a reason (E4). kubelet:
# what its pods' environments and volumes may name, few objects each. flannel: it sends to every
# node. kube-proxy: services are everywhere.
OF_THE_WHOLE_CLUSTER = {
    "kubelet": {"services", "csidrivers", "runtimeclasses", "clustertrustbundles"},
    "flannel": {"nodes"},
    "kube-proxy": {"services", "endpointslices", "servicecidrs"},
}
WHOSE = {
    "system:node:": "kubelet",
    "kilonode:flannel:": "flannel",
    "system:kube-proxy": "kube-proxy",
}
# A lease every 10 s, and what pods need. Twice as many of 2,500 nodes would be 2,500 a second.
MOST_A_MINUTE = 30


@dataclass(frozen=True)
class Request:
    """One of a program on a node. selected: of one object, one namespace or a node's own."""

    time: str
    program: str
    user: str
    verb: str
    resource: str
    selected: bool


def request_of(entry: dict[str, Any]) -> Request | None:
    """None: nobody on a node sent it, or it means no resource."""
    user, target = entry["user"]["username"], entry.get("objectRef", {})
    program = next((name for prefix, name in WHOSE.items() if user.startswith(prefix)), None)
    if program is None or "resource" not in target:
        return None
    return Request(
        time=entry["requestReceivedTimestamp"],
        program=program,
        user=user,
        verb=entry["verb"],
        resource=target["resource"],
        selected="fieldSelector=" in entry["requestURI"]
        or bool(target.get("namespace") or target.get("name")),
    )


def restart(cluster: Cluster, master: str) -> None:
    cluster.on(master, "systemctl", "restart", "kube-apiserver")
    eventually(lambda: cluster.kubectl("get", "--raw", "/readyz"), 180, "the API answers again")


def now(cluster: Cluster, master: str) -> str:
    return cluster.on(master, "date", "--utc", "+%FT%TZ").strip()


@dataclass(frozen=True)
class Counted:
    """requests: since the apiservers started, so first LISTs too; quiet: within MINUTES of it."""

    requests: list[Request]
    quiet: list[Request]


@pytest.fixture(scope="module")
def counted(cluster: Cluster) -> Iterator[Counted]:
    masters = cluster.machines("master")
    started = {master: now(cluster, master) for master in masters}
    try:
        for master in masters:
            cluster.on(master, "cp", "--no-clobber", POLICY, f"{POLICY}.kept")
            cluster.on(master, "sh", "-c", f'printf %s "$1" > {POLICY}', "sh", EVERYTHING)
            restart(cluster, master)
        time.sleep(SETTLED_SECONDS)
        began = now(cluster, masters[0])
        time.sleep(MINUTES * 60)
        ended = now(cluster, masters[0])
        entries: dict[str, dict[str, Any]] = {}
        for master in masters:
            text = cluster.on(master, "sh", "-c", READ_LOGS.format(since=started[master]))
            for line in text.splitlines():
                # A watch has a line when it begins and one when it ends.
                entries.setdefault(json.loads(line)["auditID"], json.loads(line))
        requests = [
            request
            for entry in entries.values()
            if entry["requestReceivedTimestamp"] >= started[masters[0]]
            and (request := request_of(entry))
        ]
        yield Counted(requests, [one for one in requests if began <= one.time < ended])
    finally:
        for master in masters:
            cluster.on(master, "sh", "-c", f"test ! -e {POLICY}.kept || mv {POLICY}.kept {POLICY}")
            restart(cluster, master)


def test_the_log_tells_what_nodes_ask(counted: Counted) -> None:
    """Or all that follows would hold of an empty log."""
    assert {one.program for one in counted.requests} == set(OF_THE_WHOLE_CLUSTER)
    assert "leases" in {one.resource for one in counted.quiet}


def test_no_program_on_a_node_lists_or_watches_more_than_it_must(counted: Counted) -> None:
    """D7: LISTs of events from every node read more than 500 MB/s from etcd."""
    whole = {
        (one.program, one.resource)
        for one in counted.requests
        if one.verb in ("list", "watch") and not one.selected
    }
    assert not {one for one in whole if one[1] in ("pods", "events", "endpoints")}
    assert not {one for one in whole if one[1] not in OF_THE_WHOLE_CLUSTER[one[0]]}


def test_a_node_asks_so_little_that_thousands_may(
    counted: Counted, cluster: Cluster, tell: Tell
) -> None:
    nodes = len(cluster.get("nodes")["items"])
    kinds = Counter((one.program, one.verb, one.resource) for one in counted.quiet)
    for (program, verb, resource), count in kinds.most_common():
        tell(f"{program} {verb} {resource}: {count / MINUTES / nodes:.2f} a node and minute")
    average = len(counted.quiet) / MINUTES / nodes
    tell(f"all: {average:.1f} a node and minute")
    assert average <= MOST_A_MINUTE
    of_kubelets = Counter(one.user for one in counted.quiet if one.program == "kubelet")
    assert max(of_kubelets.values()) / MINUTES <= MOST_A_MINUTE


def may_list(cluster: Cluster, resource: str, account: str) -> bool:
    question = ("auth", "can-i", "list", resource, "--all-namespaces", f"--as={account}")
    try:
        return cluster.kubectl(*question).strip() == "yes"
    except subprocess.CalledProcessError as refused:
        return str(refused.stdout).strip() != "no"


def test_no_pod_of_a_daemonset_may_list_pods_or_events(cluster: Cluster) -> None:
    """E4: what runs on every node does not talk to the API."""
    for daemon in cluster.get("daemonsets", "--all-namespaces")["items"]:
        pod, namespace = daemon["spec"]["template"]["spec"], daemon["metadata"]["namespace"]
        account = f"system:serviceaccount:{namespace}:{pod.get('serviceAccountName', 'default')}"
        for resource in ("pods", "events"):
            assert not may_list(cluster, resource, account), daemon["metadata"]["name"]
