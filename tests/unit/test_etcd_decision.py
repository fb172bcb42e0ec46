"""What an etcd member does before its etcd starts, situation by situation."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest
from kilonode.etcd.decision import (
    Answer,
    Data,
    Declared,
    Found,
    Join,
    Member,
    Record,
    Remove,
    Report,
    Restart,
    SetAside,
    Situation,
    StartNew,
    Step,
    TakeBack,
    Unreadable,
    Wait,
    cluster_of_one,
    decide,
)

CLUSTER = 0xC1
TOKEN = "f00d"
KEYS = "abcdefghi"


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
# The record after a restore on c, or after the cluster was founded anew.
OTHER = 0xC2
NEWER = Record(founder="prod-etcd-c", token="beef", cluster_id=OTHER)
UNREADABLE = Unreadable("HTTP Error 403")


def declared(voters: str, learner: str = "") -> Declared:
    addresses = {f"prod-etcd-{key}": f"10.0.0.{10 + place}" for place, key in enumerate(KEYS)}
    by_voter, by_learner = (
        {f"prod-etcd-{key}": addresses[f"prod-etcd-{key}"] for key in keys}
        for keys in (voters, learner)
    )
    return Declared(f"prod-etcd-{voters[0]}", by_voter, by_learner)


def of(cluster_id: int, known: Sequence[Answer]) -> tuple[Answer, ...]:
    return tuple(replace(answer, cluster_id=cluster_id) for answer in known)


def situation(letter: str = "b", **known: object) -> Situation:
    blank = Situation(
        name=f"prod-etcd-{letter}",
        peer_url=member(letter).peer_urls[0],
        version="3.6.14",
        data=None,
        intention=None,
        declared=declared("abcde"),
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


# All situations at once


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


def test_the_cluster_id_is_derived_as_etcd_does() -> None:
    # Seen in the log of etcd 3.6.14 with this peer URL and --initial-cluster-token=f00d.
    assert cluster_of_one("https://127.0.0.1:2380", "f00d") == 0xD5DB6516032AA6CB
