"""Who leaves a cluster, and in which order."""

from kilonode.etcd import leave
from kilonode.etcd.decision import Declared, Member


def entry(letter: str, *, learner: bool = False, started: bool = True) -> Member:
    index = ord(letter) - ord("a")
    urls = (f"https://10.0.0.{10 + index}:2380",)
    return Member(0xA0 + index, f"etcd-{letter}" if started else "", urls, learner)


def test_a_member_that_never_started_is_known_by_its_address() -> None:
    declared = Declared("etcd-a", {"etcd-a": "10.0.0.10"}, {"etcd-i": "10.0.0.18"})
    names = ["etcd-a", "etcd-i"]
    for letter, is_declared in {"a": True, "b": False, "i": True}.items():
        for started in (True, False):
            member = entry(letter, started=started)
            assert leave.is_declared(member, names, declared) == is_declared


def test_learners_leave_first_and_the_leader_last() -> None:
    leaving = [entry("a"), entry("b"), entry("c", learner=True)]
    order = []
    while leaving:
        order.append(leave.next_to_leave(leaving, leader=0xA0))
        leaving.remove(order[-1])
    assert [member.name for member in order] == ["etcd-c", "etcd-b", "etcd-a"]
