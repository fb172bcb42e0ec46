"""make review says beforehand what an update then does: a reviewer relies on nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.engine import TOP
from commands.preview import plan_engine
from commands.review.__main__ import review
from commands.review.fates import (
    ASKED,
    CREATED,
    NEW_INSTANCES,
    REFUSED,
    ROLLED,
    Fate,
    machine_fates,
    other_fates,
)
from commands.review.sources import ReviewError
from commands.review.steps import build, plan, stand_ins
from local_azure.arm.store import Store
from tests.engine.conftest import QUIET, Stack

PROGRAM = ("components", "config", "Pulumi.yaml", "Pulumi.local.yaml", "__main__.py")
ETCD_MEMBERS = ["local-etcd-a", "local-etcd-b", "local-etcd-c"]
EVENTS_MEMBERS = ["local-events-a", "local-events-b", "local-events-c"]

Change = Callable[[dict[str, Any]], None]


def label_nodes(settings: dict[str, Any]) -> None:
    settings["kilonode:nodePools"]["cpu"]["labels"] = {"example.com/team": "research"}


def log_more_in_etcd(settings: dict[str, Any]) -> None:
    settings["kilonode:extraArgs"]["etcd"] = ["--log-level=debug"]


def resize_a_pool(settings: dict[str, Any]) -> None:
    settings["kilonode:nodePools"]["cpu"]["size"] = "Standard_E20ds_v5"


def add_a_learner(settings: dict[str, Any]) -> None:
    settings["kilonode:etcd"]["main"]["learner"] = {"diskSku": "Premium_LRS"}


def take_another_kind_of_disk(settings: dict[str, Any]) -> None:
    settings["kilonode:etcd"]["main"]["learner"]["diskSku"] = "StandardSSD_LRS"


def add_a_pool(settings: dict[str, Any]) -> None:
    settings["kilonode:nodePools"]["spare"] = {
        "size": "Standard_D16ds_v5",
        "scaleSets": {"a": {"nodes": 0, "maxNodes": 2}},
    }


def apply(change: Change, program: Path) -> None:
    file = program / "Pulumi.local.yaml"
    document = yaml.safe_load(file.read_text())
    change(document["config"])
    file.write_text(yaml.safe_dump(document))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the project's program, at its first commit."""
    top = tmp_path_factory.mktemp("repository")
    for name in PROGRAM:
        source = TOP / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, top / name)
    identity = {
        f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Base"]):
        subprocess.run(["git", *command], cwd=top, env={**os.environ, **identity}, check=True)
    return top


@pytest.fixture(scope="module")
def built(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a local Azure in which the base is built."""
    home = tmp_path_factory.mktemp("built")
    build(base, plan_engine("local", home))
    return home


def told_and_done(
    change: Change, base: Path, built: Path, tmp_path: Path
) -> tuple[list[Fate], list[Fate], list[tuple[str, str]]]:
    """Machines' fates and the others', and the writes of the update that follows."""
    head, home = tmp_path / "head", tmp_path / "home"
    shutil.copytree(base, head)
    apply(change, head)
    shutil.copytree(built, home)
    engine = plan_engine("local", home)
    steps = plan(head, engine)
    stack = Stack(
        replace(engine, top=head, variables={**engine.variables, "PYTHONPATH": str(head)}),
        Store(home / "azure"),
    )
    stack.engine.prepare(stand_ins(head, "local"))
    before = len(stack.writes())
    stack.succeeds("up", "--refresh=false", *QUIET)
    return machine_fates(steps), other_fates(steps), stack.writes()[before:]


def test_a_label_of_nodes_reaches_new_instances_only(
    base: Path, built: Path, tmp_path: Path
) -> None:
    machines, others, writes = told_and_done(label_nodes, base, built, tmp_path)
    assert [(fate.who, fate.verdict, fate.names) for fate in machines] == [
        ("local-cpu", NEW_INSTANCES, ("local-cpu-a",))
    ]
    assert not others
    assert writes == [("PUT", "local-cpu-a")]


def test_a_flag_of_etcd_rolls_both_clusters_one_machine_at_a_time(
    base: Path, built: Path, tmp_path: Path
) -> None:
    machines, others, writes = told_and_done(log_more_in_etcd, base, built, tmp_path)
    assert [(fate.who, fate.verdict) for fate in machines] == [
        ("local-events", ROLLED),
        ("local-etcd", ROLLED),
    ]
    assert [fate.verdict for fate in others] == [ASKED]
    promised = [name.removesuffix("-vm") for fate in machines for name in fate.names]
    assert promised == [*EVENTS_MEMBERS, *ETCD_MEMBERS]
    # Each is gone and back before the next one goes.
    assert [write for write in writes if write[1] in promised] == [
        (verb, name) for name in promised for verb in ("DELETE", "PUT")
    ]


def test_what_azure_refuses_to_change_is_said_before_the_update_fails(
    base: Path, built: Path, tmp_path: Path
) -> None:
    """Scale sets come last: by then an update has replaced all that comes before them."""
    head, home = tmp_path / "head", tmp_path / "home"
    shutil.copytree(base, head)
    apply(resize_a_pool, head)
    shutil.copytree(built, home)
    (fate,) = machine_fates(plan(head, plan_engine("local", home)))
    assert (fate.who, fate.verdict) == ("local-cpu", REFUSED)


def test_another_kind_of_disk_is_said_to_fail_as_it_then_does(
    base: Path, built: Path, tmp_path: Path
) -> None:
    """Azure takes it only of a disk that no running machine has."""
    head, home = tmp_path / "head", tmp_path / "home"
    shutil.copytree(base, head)
    shutil.copytree(built, home)
    engine = plan_engine("local", home)
    apply(add_a_learner, head)
    build(head, engine)
    apply(take_another_kind_of_disk, head)
    steps = plan(head, engine)
    assert not machine_fates(steps)
    disk = "local-etcd-learner-disk"
    assert other_fates(steps) == [Fate("", REFUSED, (disk,), ("sku.name",))]
    with pytest.raises(ReviewError):
        build(head, engine)


def test_a_new_pool_touches_no_machine_that_is_there(
    base: Path, built: Path, tmp_path: Path
) -> None:
    machines, others, writes = told_and_done(add_a_pool, base, built, tmp_path)
    assert [(fate.who, fate.verdict, fate.names) for fate in machines] == [
        ("local-spare", CREATED, ("local-spare-a",))
    ]
    assert not others
    assert writes == [("PUT", "local-spare-a")]


def test_the_report_shows_the_files_that_differ_and_the_order_of_machines(
    base: Path, tmp_path: Path
) -> None:
    head = tmp_path / "head"
    shutil.copytree(base, head)
    apply(log_more_in_etcd, head)
    report = review("HEAD", "local", head)
    assert "| local-etcd | rolled one at a time" in report
    assert "local-etcd-a-vm → local-etcd-b-vm → local-etcd-c-vm" in report
    assert "machine.env</code> on etcd</summary>" in report
    assert "machine.env</code> on events</summary>" in report
    assert report.count('+ETCD_EXTRA_ARGS="--log-level=debug"') == 2
    assert "on master" not in report


def test_a_base_that_git_does_not_know_is_named_with_what_to_do(base: Path) -> None:
    with pytest.raises(ReviewError, match=r"BASE=gone: git has no such commit.*fetch it first"):
        review("gone", "local", base)


def test_a_stack_without_a_file_is_named(base: Path) -> None:
    with pytest.raises(ReviewError, match=r"STACK=absent: there is no Pulumi\.absent\.yaml"):
        review("HEAD", "absent", base)
