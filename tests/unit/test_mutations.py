"""What `make mutants` changes: the one setting that is meant, whatever the file's format."""

from __future__ import annotations

import ast

import pytest
import yaml

from commands.mutants.mutations import MutationError, mutated

UNIT = """# --quota=1 is said here too.
ExecStart=/bin/etcd \\
  --quota=8 \\
  --name=a \\
  $ARGS
ExecStart=/bin/fetch --node-jitter 10 --patience 60
AssertPathIsMountPoint=/mnt/local
"""


def test_a_flag_goes_with_its_line_and_its_namesake_in_a_comment_stays() -> None:
    after = mutated("a.service", UNIT, "--quota")
    assert after == UNIT.replace("  --quota=8 \\\n", "")


def test_a_flag_within_a_line_goes_with_the_word_that_is_its_value() -> None:
    after = mutated("a.service", UNIT, "--node-jitter")
    assert "ExecStart=/bin/fetch  --patience 60\n" in after


def test_a_flag_gets_another_value() -> None:
    assert "  --quota=2 \\\n" in mutated("a.service", UNIT, "--quota", 2)


def test_a_flag_of_a_manifest_goes_from_its_list() -> None:
    text = "args:\n  - --one=1\n  - --two=2\n"
    assert yaml.safe_load(mutated("a.yaml", text, "--one")) == {"args": ["--two=2"]}


def test_a_line_goes_by_what_stands_before_its_equals_sign() -> None:
    assert "Assert" not in mutated("a.service", UNIT, "AssertPathIsMountPoint")
    text = "-net.a = 1\n-net.b = 2\n"
    assert mutated("a.conf", text, "net.a") == "-net.b = 2\n"
    assert mutated("a.conf", text, "net.a", 3) == "-net.a = 3\n-net.b = 2\n"


def test_words_of_a_script_are_replaced() -> None:
    text = "curl 'https://a/readyz?exclude=b' \\\n    --fail\n"
    assert mutated("gate", text, "?exclude=b", "") == text.replace("?exclude=b", "")


MANIFESTS = """kind: Deployment
metadata: {name: dns, labels: {example.com/team: a}}
spec: {containers: [{name: dns, image: x}, {name: other, image: y}]}
---
kind: Service
metadata: {name: dns}
"""


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("spec.containers.other.image", "image: y"),
        ("spec.containers.0.image", "image: x"),
        ("metadata.labels.example.com/team", "team"),
        ("Service.metadata", None),
    ],
)
def test_a_path_leads_through_names_places_and_keys_with_dots(key: str, gone: str | None) -> None:
    after = mutated("a.yaml", MANIFESTS, key)
    assert list(yaml.safe_load_all(after)) != list(yaml.safe_load_all(MANIFESTS))
    assert gone is None or gone not in after


def test_a_stack_files_settings_are_its_configuration() -> None:
    text = "config:\n  kilonode:etcd: {main: {members: [a, b, c]}}\n"
    after = mutated("Pulumi.prod.yaml", text, "kilonode:etcd.main.members", ["a"])
    assert yaml.safe_load(after) == {"config": {"kilonode:etcd": {"main": {"members": ["a"]}}}}


PYTHON = """
LIMIT = 5
A = {"strategy": {"surge": 0}, "budget": {"surge": 1}}
B = f(labels=1)
"""


@pytest.mark.parametrize(
    ("key", "value", "after"),
    [
        ("LIMIT", 10, PYTHON.replace("5", "10")),
        ("strategy.surge", None, PYTHON.replace('"surge": 0', "")),
        ("budget.surge", 2, PYTHON.replace("1}", "2}")),
        ("labels", None, PYTHON.replace("labels=1", "")),
    ],
)
def test_python_is_changed_by_its_own_grammar(key: str, value: int | None, after: str) -> None:
    assert mutated("a.py", PYTHON, key, value) == ast.unparse(ast.parse(after))


@pytest.mark.parametrize(
    ("file", "text", "key", "value", "why"),
    [
        ("a.service", UNIT, "--quotas", None, "stands 0 times"),
        ("a.service", UNIT, "ExecStart", None, "stands 2 times"),
        ("a.yaml", MANIFESTS, "metadata.name", None, "stands 2 times"),
        ("a.py", PYTHON, "surge", None, "stands 2 times"),
        ("a.service", UNIT, "--quota", 8, "is 8 as it is"),
        ("a.yaml", "a: 1\n", "a", 1, "is 1 as it is"),
        ("a.py", PYTHON, "LIMIT", 5, "is 5 as it is"),
    ],
)
def test_what_is_not_there_once_or_so_already_is_an_error(
    file: str, text: str, key: str, value: object, why: str
) -> None:
    with pytest.raises(MutationError, match=why):
        mutated(file, text, key, value)
