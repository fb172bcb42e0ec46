"""Members of etcd, masters and zones."""

from __future__ import annotations

from config.checks import members
from tests.unit.refusals import Row

ROWS = {
    "an even number of main etcd members": Row(
        members.main_etcd_has_a_quorum,
        {"etcd.main.members": ["a", "b", "c", "d"]},
        "etcd.main.members",
        ['= ["a", "b", "c", "d"]', "3 or 5 members", "list 3 or 5 keys"],
    ),
    "a single main etcd member": Row(
        members.main_etcd_has_a_quorum, {"etcd.main.members": ["a"]}, "etcd.main.members"
    ),
    "seven main etcd members": Row(
        members.main_etcd_has_a_quorum, {"etcd.main.members": list("abcdefg")}, "etcd.main.members"
    ),
    "an even number of events etcd members": Row(
        members.events_etcd_has_a_quorum,
        {"etcd.events.members": ["a", "b"]},
        "etcd.events.members",
        ["1, 3 or 5 members"],
    ),
    "one master": Row(
        members.more_than_one_master,
        {"masters.members": ["a"]},
        "masters.members",
        ["at least 2", "add a key"],
    ),
    "the same master twice": Row(
        members.masters_differ,
        {"masters.members": ["a", "b", "b"]},
        "masters.members",
        ["list b once"],
    ),
    "the same main etcd member twice": Row(
        members.main_etcd_members_differ,
        {"etcd.main.members": ["a", "a", "b"]},
        "etcd.main.members",
        ["list a once"],
    ),
    "the same events etcd member twice": Row(
        members.events_etcd_members_differ,
        {"etcd.events.members": ["c", "c", "b"]},
        "etcd.events.members",
        ["list c once"],
    ),
}
