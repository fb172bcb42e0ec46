"""A rule over settings and the keys that it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pydantic.alias_generators import to_snake

from config.problems import Problem
from config.schema.stack import Settings

Rule = Callable[[Settings], Iterator[Problem]]


@dataclass(frozen=True)
class Check:
    """reads: dotted keys without whose values the rule makes no sense.

    whole: nor without all that lies below them, since the rule is about what is missing there.
    """

    reads: tuple[str, ...]
    run: Rule
    whole: bool = False


def reads(*keys: str, whole: bool = False) -> Callable[[Rule], Check]:
    """Turn a function into a Check that reads `keys`."""
    return lambda rule: Check(keys, rule, whole)


def applies(check: Check, settings: Settings, broken: Iterable[tuple[str, ...]]) -> bool:
    """Whether everything that the check reads is there and is what the user wrote."""
    paths = [tuple(key.split(".")) for key in check.reads]
    if any(_is_gone(settings, to_snake(path[0])) for path in paths):
        return False
    return not any(
        path[: len(bad)] == bad or (check.whole and bad[: len(path)] == path)
        for bad in broken
        for path in paths
    )


def _is_gone(settings: Settings, name: str) -> bool:
    """Whether it could not be read. What is None by default may well be."""
    known = Settings.model_fields[name]
    return getattr(settings, name) is None and known.default is not None
