"""Every metric that a rule asks for is one that etcd or the machines' programs really tell.

A rule on a misspelt metric never fires, which looks like all is well.
"""

from __future__ import annotations

import datetime
import re
import time
import urllib.request

from kilonode import metrics
from kilonode.etcd import care, certificates, snapshot_schedule
from kilonode.etcd.care import Care
from kilonode.etcd.care_memory import Memory
from kilonode.etcd.snapshot_store import Snapshot

from tests.etcd.machine import METRICS_PORT
from tests.etcd.world import Launch
from tests.monitoring.test_etcd_rules import asked_for


def test_what_the_rules_ask_for_is_told(machine: Launch) -> None:
    member = machine("a")
    member.boot()
    url = f"http://{member.me.address}:{METRICS_PORT}/metrics"
    with urllib.request.urlopen(url) as response:
        text = response.read().decode()
    memory = Memory()
    cared = Care(member.client, member.me, memory)
    cared.run(time.monotonic())
    told_in = member.places.metrics
    metrics.write("care", care.samples(cared, memory), told_in)
    newest = Snapshot("snapshots/recent/1.db", 1, 1, 1, datetime.datetime.now(datetime.UTC))
    metrics.write(
        "snapshot", snapshot_schedule.samples(newest, failed=False, interval=900.0), told_in
    )
    metrics.write("certificates", certificates.samples(member.places.pki), told_in)
    text += metrics.read(told_in).decode()
    there = set(re.findall(r"^\w+", text, re.MULTILINE)) | {"up"}
    assert asked_for() - there == set()
