"""make mutants: takes each of the documents' settings away, and wants a test to fail for it.

Each setting of config/documents.yaml is taken away (or given the value that stands there) in a copy
of the repository. Then something that is rendered must differ, and of the fact's proofs one must
fail: not any test of the project, but one of those that the table names. Unit tests come first;
what survives them meets the tests on a real apiserver. Proofs on running machines are left out, so
every setting needs one that is fast.

Some facts alone: make mutants ARGS="D4 D9".
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from commands.mutants import child
from commands.mutants.mutations import MutationError, mutated
from config.documents import FACTS, Fact

# Seconds, and minutes.
_KINDS = ("tests/unit/", "tests/monitoring/", "tests/api/")
_SURVIVED = "survived, no proof fails"
# A change may make a program wait for ever.
_SECONDS_MAX = 300
_PROCESSES = 2
_CONTEXT = multiprocessing.get_context("fork")


@dataclass(frozen=True, eq=False)
class Mutant:
    """One setting of a fact taken away, or changed to `value` if there is one."""

    fact: Fact
    file: str
    key: str
    value: Any

    def __str__(self) -> str:
        change = "without" if self.value is None else f"with {self.value!r} for"
        return f"{self.fact.id}: {self.file} {change} {self.key}"

    def proofs(self, kind: str) -> list[str]:
        return [proof for proof in self.fact.proof if proof.startswith(kind)]


@dataclass(frozen=True)
class Baseline:
    """The repository as it is."""

    names: Sequence[str]
    views: Sequence[str]


def mutants(facts: Sequence[Fact]) -> Iterator[Mutant]:
    for fact in facts:
        for file, settings in fact.files.items():
            for setting in settings:
                changes = setting if isinstance(setting, dict) else {setting: None}
                for key, value in changes.items():
                    yield Mutant(fact, file, key, value)


def baseline(names: Sequence[str], proofs: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hashes of what is rendered, and the packages that all this imports.

    Raises RuntimeError if a proof fails as it is: it would prove nothing of a mutant.
    """
    with TemporaryDirectory() as folder:
        _enter_copy(names, Path(folder))
        views = [view() for view in child.VIEWS]
        code, said = child.tests(proofs)
    if code:
        raise RuntimeError(f"pytest ended with {code} and nothing was changed\n{said}")
    return views, child.packages()


def judged(mutant: Mutant, kind: str, before: Baseline) -> str:
    """What is wrong: nothing if a proof of that kind failed."""
    with TemporaryDirectory() as folder:
        top = Path(folder)
        _enter_copy(before.names, top)
        path = top / mutant.file
        try:
            path.write_text(mutated(mutant.file, path.read_text(), mutant.key, mutant.value))
            if not _shows(before):
                return "changes nothing that is rendered"
        except MutationError as error:
            return str(error)
        except Exception as error:
            return f"cannot be rendered, so give it another value: {error!r}"
        return _tried(mutant.proofs(kind))


def _tried(proofs: Sequence[str]) -> str:
    """Empty if one of them fails. File by file: one that cannot even be read says nothing."""
    unread = []
    for file in sorted({proof.partition("::")[0] for proof in proofs}):
        code, said = child.tests([one for one in proofs if one.startswith(f"{file}::")])
        if code == pytest.ExitCode.TESTS_FAILED:
            return ""
        if code != pytest.ExitCode.OK:
            unread.append(f"pytest ended with {code}\n{said}")
    return "\n".join(unread) or _SURVIVED


def _enter_copy(names: Sequence[str], top: Path) -> None:
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.alarm(_SECONDS_MAX)
    child.copy(names, top)
    child.enter(top)


def _time_is_up(*_: object) -> None:
    raise TimeoutError(f"not done within {_SECONDS_MAX} s")


def _shows(before: Baseline) -> bool:
    """Whether anything that is rendered differs; what is quick to render comes first."""
    pairs = zip(child.VIEWS, before.views, strict=True)
    return any(view() != seen for view, seen in pairs)


def verdicts(chosen: Sequence[Mutant], kind: str = _KINDS[0]) -> Iterator[str]:
    """What is wrong with each, in their order. Raises RuntimeError as `baseline` does."""
    names = child.files()
    proofs = sorted({proof for mutant in chosen for proof in mutant.proofs(kind)})
    with _CONTEXT.Pool(1, maxtasksperchild=1) as pool:
        views, packages = pool.apply(baseline, (names, proofs))
    before = Baseline(names, views)
    # Imported once here, they are there in every child.
    for name in packages:
        with suppress(ImportError):
            importlib.import_module(name)
    with _CONTEXT.Pool(_PROCESSES, maxtasksperchild=1) as pool:
        yield from pool.imap(partial(judged, kind=kind, before=before), chosen)


def run(chosen: Sequence[Mutant]) -> dict[Mutant, str]:
    """What is wrong with each."""
    wrong: dict[Mutant, str] = dict.fromkeys(chosen, _SURVIVED)
    for kind in _KINDS:
        left = [one for one in chosen if wrong[one] == _SURVIVED and one.proofs(kind)]
        print(f"kilonode: {len(left)} settings, {kind} …", file=sys.stderr, flush=True)
        for mutant, verdict in zip(left, verdicts(left, kind), strict=True) if left else ():
            wrong[mutant] = verdict
            print(f"{mutant}: {verdict or 'killed'}", flush=True)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.splitlines()[0])
    parser.add_argument("facts", nargs="*", help="IDs; all of them if there are none")
    wanted = parser.parse_args().facts
    if unknown := set(wanted) - {fact.id for fact in FACTS}:
        parser.error(f"no fact {', '.join(sorted(unknown))}")
    chosen = list(mutants([fact for fact in FACTS if fact.id in wanted or not wanted]))
    wrong = {mutant: verdict for mutant, verdict in run(chosen).items() if verdict}
    killed = len(chosen) - len(wrong)
    print(f"kilonode: killed {killed} of {len(chosen)} = {killed / len(chosen):.3f}")
    if wrong:
        sys.exit("".join(f"kilonode: {mutant}: {why}\n" for mutant, why in wrong.items()))


if __name__ == "__main__":
    main()
