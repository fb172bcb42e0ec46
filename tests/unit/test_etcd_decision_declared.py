"""Who is declared, and who founds a cluster anew that does not wait for an operator."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from kilonode.etcd.decision import (
    Answer,
    Found,
    Join,
    Report,
    Restart,
    Situation,
    StartNew,
    TakeBack,
    Wait,
    decide,
)

from tests.unit.etcd_situations import (
    CLUSTER,
    NEWER,
    RECORD,
    TOKEN,
    UNREADABLE,
    A,
    B,
    C,
    answers,
    data,
    declared,
    situation,
)

# Who is declared


@pytest.mark.parametrize("heard", [(), answers("ac", [A, C]), answers("ac", [A, B, C])])
@pytest.mark.parametrize("record", [None, RECORD, UNREADABLE])
@pytest.mark.parametrize("refounds", [False, True])
def test_a_blank_machine_that_is_not_declared_only_waits(
    heard: Sequence[Answer], record: object, refounds: bool
) -> None:
    now = situation(
        declared=declared("acd"), answers=heard, record=record, refounds=refounds, intention=TOKEN
    )
    step = decide(now)
    assert isinstance(step, Wait)
    assert "not declared" in step.reason


def test_a_member_that_is_not_declared_any_more_serves_until_it_is_removed() -> None:
    now = situation(data=data("b"), declared=None, answers=answers("ac", [A, B, C]))
    assert decide(now) == Restart()


def test_the_declared_founder_founds_whatever_its_key() -> None:
    assert decide(situation("b", declared=declared("bca"), record=None)) == Found()
    assert isinstance(decide(situation("a", declared=declared("bca"), record=None)), Wait)


def test_the_declared_learner_joins_and_leaves_founding_to_the_voters() -> None:
    known = declared("abc", learner="i")
    assert decide(situation("i", declared=known, answers=answers("a", [A]))) == Join("10.0.0.10")
    for record in (None, RECORD):
        for refounds in (False, True):
            now = situation("i", declared=known, record=record, refounds=refounds)
            assert isinstance(decide(now), Wait)


# All lost, in a cluster that does not wait for an operator


def lost(letter: str, *reported: str, **known: object) -> Situation:
    names = frozenset(f"prod-etcd-{each}" for each in reported)
    return situation(
        letter,
        **{
            "declared": declared("abc"),
            "record": RECORD,
            "refounds": True,
            "reported": names,
            **known,
        },
    )


@pytest.mark.parametrize("letter", ["a", "b"])
def test_a_blank_voter_reports_that_it_is_before_anything_else(letter: str) -> None:
    assert decide(lost(letter)) == Report(CLUSTER)


def test_nobody_founds_anew_while_a_voter_may_still_have_data() -> None:
    for letter in "ab":
        step = decide(lost(letter, "a", "b"))
        assert isinstance(step, Wait)
        assert "prod-etcd-c" in step.reason
        assert "prod-etcd-a" not in step.reason


def test_the_founder_alone_founds_anew_once_all_voters_are_blank() -> None:
    assert decide(lost("a", "a", "b", "c")) == Found(over=RECORD)
    step = decide(lost("b", "a", "b", "c"))
    assert isinstance(step, Wait)
    assert "waiting for prod-etcd-a" in step.reason


def test_reports_of_machines_that_are_not_declared_do_not_count() -> None:
    assert isinstance(decide(lost("a", "a", "b", "d", "e")), Wait)


def test_a_member_that_answers_keeps_the_others_from_founding_anew() -> None:
    step = decide(lost("a", "a", "b", "c", answers=answers("c", [A, B, C], agreed=False)))
    assert isinstance(step, Wait)
    assert "quorum" in step.reason


@pytest.mark.parametrize("heard", [answers("c", [C]), answers("bc", [A, B, C])])
def test_a_report_is_taken_back_before_its_machine_gets_data_again(heard: object) -> None:
    assert decide(lost("a", "a", answers=heard)) == TakeBack(CLUSTER)


def test_a_machine_does_not_join_over_a_report_that_it_cannot_see() -> None:
    step = decide(lost("a", answers=answers("c", [C]), record=UNREADABLE))
    assert isinstance(step, Wait)
    assert "403" in step.reason


def test_data_that_is_there_again_takes_its_report_back_before_it_starts() -> None:
    assert decide(lost("b", "b", data=data("b"))) == TakeBack(CLUSTER)
    assert decide(lost("b", data=data("b"))) == Restart()
    # Else a store that does not answer would keep from starting what has lost nothing.
    assert decide(lost("b", data=data("b"), record=UNREADABLE)) == Restart()


def test_a_founder_killed_while_it_founds_anew_goes_on() -> None:
    anew = replace(NEWER, founder="prod-etcd-a")
    assert decide(lost("a", record=anew, intention=anew.token)) == StartNew(anew.token)


def test_the_main_cluster_waits_for_an_operator_however_many_reported() -> None:
    step = decide(lost("a", "a", "b", "c", refounds=False))
    assert isinstance(step, Wait)
    assert "operator has to restore" in step.reason
