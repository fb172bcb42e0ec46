"""What an etcd member does before its etcd starts, situation by situation."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from kilonode.etcd.decision import (
    Answer,
    Data,
    Found,
    Join,
    Member,
    Record,
    Remove,
    Restart,
    SetAside,
    Situation,
    StartNew,
    Step,
    Unreadable,
    Wait,
    cluster_of_one,
    decide,
    describe,
)

CLUSTER = 0xC1
TOKEN = "f00d"


def member(letter: str, *, learner: bool = False, started: bool = True) -> Member:
    index = ord(letter) - ord("a")
    address = f"10.0.0.{10 + index}"
    return Member(
        id=0xA0 + index,
        name=f"prod-etcd-{letter}" if started else "",
        peer_urls=(f"https://{address}:2380",),
        client_urls=(f"https://{address}:2379",),
        is_learner=learner,
    )


def answers(letters: str, members: Sequence[Member], *, agreed: bool = True) -> tuple[Answer, ...]:
    return tuple(
        Answer(
            address=f"10.0.0.{10 + ord(letter) - ord('a')}",
            cluster_id=CLUSTER,
            member_id=member(letter).id,
            members=tuple(members),
            agreed=agreed,
            version="3.6.0",
        )
        for letter in letters
    )


A, B, C, D, E = map(member, "abcde")
RECORD = Record(founder="prod-etcd-a", token=TOKEN, cluster_id=CLUSTER)


def situation(letter: str = "b", **known: object) -> Situation:
    blank = Situation(
        name=f"prod-etcd-{letter}",
        peer_url=member(letter).peer_urls[0],
        version="3.6.14",
        is_founder=letter == "a",
        data=None,
        intention=None,
    )
    return replace(blank, **known)  # type: ignore[arg-type]


def data(letter: str) -> Data:
    return Data(cluster_id=CLUSTER, member_id=member(letter).id)


# Birth


def test_the_founder_founds_where_there_is_no_record_no_member_and_no_data() -> None:
    assert decide(situation("a", record=None)) == Found()


def test_nobody_but_the_founder_founds() -> None:
    assert decide(situation("b", record=None)) == Wait(
        "the cluster is not born yet: waiting for its founder"
    )


def test_a_founder_killed_before_its_first_start_starts_as_it_meant_to() -> None:
    assert decide(situation("a", record=RECORD, intention=TOKEN)) == StartNew(TOKEN)


@pytest.mark.parametrize(
    ("letter", "intention"), [("a", None), ("a", "other"), ("b", None), ("b", TOKEN)]
)
def test_who_finds_the_record_and_did_not_write_it_never_founds(
    letter: str, intention: str | None
) -> None:
    step = decide(situation(letter, record=RECORD, intention=intention))
    assert isinstance(step, Wait)
    assert "born on prod-etcd-a" in step.reason
    assert "operator" in step.reason


@pytest.mark.parametrize("letter", ["a", "b"])
def test_an_unreadable_record_is_not_a_missing_one(letter: str) -> None:
    step = decide(situation(letter, record=Unreadable("HTTP Error 403"), intention=TOKEN))
    assert isinstance(step, Wait)
    assert "403" in step.reason


def test_a_founder_that_finds_members_joins_them() -> None:
    now = situation("a", answers=answers("bc", [B, C]), intention=TOKEN)
    assert decide(now) == Join("10.0.0.11")


# Restart


@pytest.mark.parametrize("letter", ["a", "b"])
@pytest.mark.parametrize("record", [RECORD, None, Unreadable("no token")])
def test_after_a_full_stop_everyone_starts_on_its_data(letter: str, record: object) -> None:
    assert decide(situation(letter, data=data(letter), record=record)) == Restart()


def test_a_founder_killed_while_etcd_first_starts_goes_on_with_its_data() -> None:
    now = situation("a", data=data("a"), record=RECORD, intention=TOKEN)
    assert decide(now) == Restart()


def test_a_listed_member_starts_on_its_data() -> None:
    assert decide(situation(data=data("b"), answers=answers("ac", [A, B, C]))) == Restart()


def test_a_listed_learner_starts_on_its_data() -> None:
    members = [A, member("b", learner=True)]
    assert decide(situation(data=data("b"), answers=answers("a", members))) == Restart()


@pytest.mark.parametrize("members", [[A, B, C], [A, C]])
def test_a_member_starts_on_its_data_while_there_is_no_quorum(members: list[Member]) -> None:
    now = situation(data=data("b"), answers=answers("a", members, agreed=False))
    assert decide(now) == Restart()


def test_data_of_another_cluster_than_was_born_does_not_start_alone() -> None:
    now = situation(data=replace(data("b"), cluster_id=0xBAD), record=RECORD)
    step = decide(now)
    assert isinstance(step, Wait)
    assert "bad" in step.reason


# Joining and rejoining


def test_a_blank_machine_joins_a_cluster_that_does_not_know_it() -> None:
    assert decide(situation(answers=answers("a", [A]))) == Join("10.0.0.10")


@pytest.mark.parametrize("record", [RECORD, None, Unreadable("no token")])
def test_members_that_answer_know_better_than_any_record(record: object) -> None:
    now = situation("a", answers=answers("b", [B]), record=record)
    assert decide(now) == Join("10.0.0.11")


def test_a_blank_machine_first_removes_its_old_entry() -> None:
    assert decide(situation(answers=answers("ac", [A, B, C]))) == Remove(B, "10.0.0.10")


def test_an_entry_from_a_join_that_was_killed_is_removed_too() -> None:
    unstarted = member("b", learner=True, started=False)
    now = situation(answers=answers("a", [A, unstarted]))
    assert decide(now) == Remove(unstarted, "10.0.0.10")


def test_removed_members_data_is_set_aside() -> None:
    step = decide(situation(data=data("b"), answers=answers("ac", [A, C])))
    assert isinstance(step, SetAside)
    assert "a1" in step.reason


def test_data_under_an_id_that_was_replaced_meanwhile_is_set_aside() -> None:
    newer = replace(B, id=0xB1)
    now = situation(data=data("b"), answers=answers("ac", [A, newer, C]))
    assert isinstance(decide(now), SetAside)


@pytest.mark.parametrize(
    ("members", "alive", "removed"),
    [
        ([A, B, C], "ac", True),
        ([A, B, C], "a", False),
        ([A, B], "a", True),
        ([A, B, C, D, E], "acde", True),
        ([A, B, C, D, E], "acd", True),
        ([A, B, C, D, E], "ac", False),
    ],
)
def test_a_blank_voter_is_removed_only_if_a_quorum_of_the_others_answers(
    members: list[Member], alive: str, removed: bool
) -> None:
    step = decide(situation(answers=answers(alive, members)))
    assert isinstance(step, Remove if removed else Wait)


def test_a_blank_learner_may_always_be_removed() -> None:
    members = [A, member("b", learner=True), C, D]
    assert isinstance(decide(situation(answers=answers("ac", members))), Remove)


def test_a_learner_that_answers_is_no_voter_for_the_count() -> None:
    members = [A, B, C, member("d", learner=True)]
    assert isinstance(decide(situation(answers=answers("ad", members))), Wait)


def test_a_blank_machine_waits_while_there_is_no_quorum() -> None:
    step = decide(situation(answers=answers("a", [A, B, C], agreed=False)))
    assert isinstance(step, Wait)
    assert "quorum" in step.reason


@pytest.mark.parametrize(
    ("own", "cluster", "fits"),
    [
        ("3.6.14", "3.6.0", True),
        ("3.7.1", "3.6.0", True),
        ("3.6.14", "3.7.0", False),
        ("3.8.0", "3.6.0", False),
        ("4.0.0", "3.6.0", False),
    ],
)
def test_only_a_version_that_the_cluster_takes_joins(own: str, cluster: str, fits: bool) -> None:
    known = [replace(answer, version=cluster) for answer in answers("a", [A])]
    step = decide(situation(version=own, answers=known))
    assert isinstance(step, Join if fits else Wait)


def test_members_of_two_clusters_are_left_to_an_operator() -> None:
    first, second = answers("ac", [A, C])
    for known in (None, data("b")):
        step = decide(situation(data=known, answers=(first, replace(second, cluster_id=0xBAD))))
        assert isinstance(step, Wait)
        assert "operator" in step.reason


# All situations at once


def all_situations() -> list[Situation]:
    lists = [
        (),
        answers("a", [A]),
        answers("ac", [A, C]),
        answers("ac", [A, B, C]),
        answers("a", [A, B, C], agreed=False),
        answers("a", [A, member("b", learner=True, started=False)]),
    ]
    return [
        situation(letter, data=known, answers=heard, record=record, intention=intention)
        for letter, known, heard, record, intention in itertools.product(
            "ab",
            [None, data("a"), data("b")],
            lists,
            [None, RECORD, Unreadable("no token")],
            [None, TOKEN],
        )
    ]


def steps() -> list[tuple[Situation, Step]]:
    return [(now, decide(now)) for now in all_situations()]


def test_no_situation_but_an_unborn_cluster_lets_etcd_bootstrap() -> None:
    bootstraps = [now for now, step in steps() if isinstance(step, Found | StartNew)]
    assert bootstraps
    for now in bootstraps:
        assert now.is_founder
        assert not now.data
        assert not now.answers
        assert now.record is None or (now.record == RECORD and now.intention == TOKEN)


def test_data_is_set_aside_only_on_the_word_of_a_quorum() -> None:
    for now, step in steps():
        if isinstance(step, SetAside):
            assert now.data
            assert any(answer.agreed for answer in now.answers)


def test_membership_changes_only_for_this_machine_and_when_it_is_blank() -> None:
    for now, step in steps():
        if isinstance(step, Remove | Join):
            assert not now.data
        if isinstance(step, Remove):
            assert now.peer_url in step.member.peer_urls


def test_every_step_has_a_sentence_for_the_journal() -> None:
    assert all(describe(step)[0].islower() for _, step in steps())


def test_the_cluster_id_is_derived_as_etcd_does() -> None:
    # Seen in the log of etcd 3.6.14 with this peer URL and --initial-cluster-token=f00d.
    assert cluster_of_one("https://127.0.0.1:2380", "f00d") == 0xD5DB6516032AA6CB
