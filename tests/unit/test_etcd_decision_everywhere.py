"""What holds in every situation that an etcd member may find itself in."""

import itertools
from typing import get_args

import pytest
from kilonode.etcd.decision import (
    Data,
    Found,
    Join,
    Record,
    Remove,
    Restart,
    SetAside,
    Situation,
    StartNew,
    Step,
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
    answers,
    data,
    declared,
    member,
    of,
    situation,
)


def all_situations() -> list[Situation]:
    lists = [
        (),
        answers("a", [A]),
        answers("ac", [A, C]),
        answers("ac", [A, B, C]),
        answers("a", [A, B, C], agreed=False),
        answers("a", [A, member("b", learner=True, started=False)]),
        of(OTHER, answers("c", [C])),
        (*answers("a", [A]), *of(OTHER, answers("c", [C]))),
    ]
    reports = [(False, ""), (True, ""), (True, "ab"), (True, "abc")]
    return [
        situation(
            letter,
            data=known,
            answers=heard,
            record=record,
            intention=intention,
            declared=declared(voters),
            refounds=refounds,
            reported={f"prod-etcd-{each}" for each in reported},
        )
        for letter, known, heard, record, intention, voters, (refounds, reported) in (
            itertools.product(
                "ab",
                [None, data("a"), data("b"), Data(OTHER, C.id)],
                lists,
                [None, RECORD, NEWER, UNREADABLE],
                [None, TOKEN],
                ["abc", "bc"],
                reports,
            )
        )
    ]


@pytest.fixture(scope="module")
def steps() -> list[tuple[Situation, Step]]:
    return [(now, decide(now)) for now in all_situations()]


Steps = list[tuple[Situation, Step]]


def test_only_an_unborn_or_wholly_lost_cluster_lets_etcd_bootstrap(steps: Steps) -> None:
    bootstraps = [(now, step) for now, step in steps if isinstance(step, Found | StartNew)]
    assert bootstraps
    for now, step in bootstraps:
        assert now.declared
        assert not now.data
        assert not [each for each in now.answers if now.record in (None, UNREADABLE)]
        if isinstance(step, StartNew):
            assert now.record == RECORD
            assert (now.name, now.intention) == (RECORD.founder, RECORD.token)
        elif step.over:
            assert now.name == now.declared.founder
            assert now.refounds
            assert now.declared.voters.keys() <= now.reported
        else:
            assert now.name == now.declared.founder
            assert now.record is None


def test_data_never_starts_beside_a_cluster_that_took_its_place(steps: Steps) -> None:
    for now, step in steps:
        if now.data and isinstance(now.record, Record) and isinstance(step, Restart):
            assert now.data.cluster_id == now.record.cluster_id


def test_nobody_joins_a_cluster_that_is_over(steps: Steps) -> None:
    for now, step in steps:
        if isinstance(step, Join) and isinstance(now.record, Record):
            asked = next(answer for answer in now.answers if answer.address == step.ask)
            assert asked.cluster_id == now.record.cluster_id


def test_data_is_set_aside_only_on_the_word_of_a_quorum_or_of_the_record(steps: Steps) -> None:
    for now, step in steps:
        if isinstance(step, SetAside):
            assert now.data
            over = isinstance(now.record, Record) and now.record.cluster_id != now.data.cluster_id
            assert over or any(answer.agreed for answer in now.answers)


def test_membership_changes_only_for_this_machine_and_when_it_is_blank(steps: Steps) -> None:
    for now, step in steps:
        if isinstance(step, Remove | Join):
            assert not now.data
            assert now.declared
            assert now.name in now.declared.voters
        if isinstance(step, Remove):
            assert now.peer_url in step.member.peer_urls


def test_no_report_outlives_the_loss_that_it_reports(steps: Steps) -> None:
    for now, step in steps:
        if isinstance(step, Join | Remove | Restart) and isinstance(now.record, Record):
            assert now.name not in now.reported


def test_every_step_has_a_sentence_for_the_journal(steps: Steps) -> None:
    assert {type(step) for _, step in steps} == set(get_args(Step))
    assert all(str(step)[0].islower() for _, step in steps)
