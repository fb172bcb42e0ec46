"""What an etcd member does before its etcd starts, situation by situation."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from kilonode.etcd.decision import (
    Answer,
    Data,
    Found,
    Join,
    Member,
    Remove,
    Restart,
    SetAside,
    StartNew,
    Unreadable,
    Wait,
    cluster_of_one,
    decide,
)

from tests.unit.etcd_situations import (
    NEWER,
    OTHER,
    RECORD,
    TOKEN,
    UNREADABLE,
    A,
    B,
    C,
    D,
    E,
    answers,
    data,
    member,
    of,
    situation,
)

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


# Another cluster took this one's place: after a restore, or founded anew


@pytest.mark.parametrize(
    "heard",
    [
        (),
        answers("ac", [A, B, C]),
        answers("ac", [A, B, C], agreed=False),
        of(OTHER, answers("c", [C])),
    ],
    ids=["nobody", "the old cluster", "the old one without quorum", "the new one"],
)
def test_data_of_a_cluster_that_is_over_never_starts_whoever_answers(
    heard: Sequence[Answer],
) -> None:
    step = decide(situation(data=data("b"), record=NEWER, answers=heard))
    assert isinstance(step, SetAside)
    assert "c2 took its place" in step.reason


def test_a_restored_member_starts_on_its_data_while_the_old_cluster_still_answers() -> None:
    now = situation(
        data=Data(OTHER, B.id), record=NEWER, answers=answers("a", [A, B], agreed=False)
    )
    assert decide(now) == Restart()


def test_a_blank_machine_joins_the_cluster_that_counts_and_no_older_one() -> None:
    old, new = answers("a", [A]), of(OTHER, answers("c", [C]))
    assert decide(situation(record=NEWER, answers=(*old, *new))) == Join("10.0.0.12")
    step = decide(situation(record=NEWER, answers=old))
    assert isinstance(step, Wait)
    assert "born on prod-etcd-c" in step.reason


@pytest.mark.parametrize("record", [UNREADABLE, None])
@pytest.mark.parametrize("agreed", [True, False])
def test_data_is_left_alone_where_no_record_tells_whether_it_counts(
    record: object, agreed: bool
) -> None:
    heard = of(OTHER, answers("c", [C], agreed=agreed))
    step = decide(situation(data=data("b"), record=record, answers=heard))
    assert isinstance(step, Wait)
    assert "c2" in step.reason
    assert "c1" in step.reason


# Joining and rejoining


def test_a_blank_machine_joins_a_cluster_that_does_not_know_it() -> None:
    assert decide(situation(answers=answers("a", [A]))) == Join("10.0.0.10")


@pytest.mark.parametrize("record", [RECORD, None, Unreadable("no token")])
def test_members_that_answer_know_better_than_any_record(record: object) -> None:
    now = situation("a", answers=answers("b", [B]), record=record)
    assert decide(now) == Join("10.0.0.11")


def test_a_blank_machine_first_removes_its_old_entry() -> None:
    assert decide(situation(answers=answers("ac", [A, B, C]))) == Remove(B, "10.0.0.10")


@pytest.mark.parametrize(
    "known",
    [{"answers": answers("ac", [A, B, C])}, {"answers": answers("a", [A])}, {"record": None}],
    ids=["remove", "join", "found"],
)
def test_nobody_begins_on_a_disk_that_is_objected_to(known: dict[str, object]) -> None:
    assert decide(situation("a", objection="slow", **known)) == Wait("slow")


def test_who_has_data_starts_on_any_disk() -> None:
    now = situation(data=data("b"), answers=answers("ac", [A, B, C]), objection="slow")
    assert decide(now) == Restart()


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
        step = decide(situation(data=known, answers=(first, *of(OTHER, [second]))))
        assert isinstance(step, Wait)
        assert "operator" in step.reason


def test_the_cluster_id_is_derived_as_etcd_does() -> None:
    # Seen in the log of etcd 3.6.14 with this peer URL and --initial-cluster-token=f00d.
    assert cluster_of_one("https://127.0.0.1:2380", "f00d") == 0xD5DB6516032AA6CB
