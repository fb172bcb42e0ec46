"""What is wrong with settings, in the user's words: key, value, limit, remedy."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from types import NoneType
from typing import Any

from pydantic_core import ErrorDetails

from config import reference

_SHOWN_LENGTH = 100
# The one setting whose value is nobody's to read.
_SECRET = ("datadogApiKey",)


@dataclass(frozen=True)
class Problem:
    """One problem, as one line. path: parts of the key."""

    path: tuple[str, ...]
    value: str
    limit: str
    remedy: str

    def __str__(self) -> str:
        key = reference.qualified(self.path)
        return f"{key} = {self.value}; limit: {self.limit}; remedy: {self.remedy}"


class SettingsError(ValueError):
    """Settings that no cluster can be built from. problems: all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"{len(self.problems)} of the settings cannot be used:{lines}")


def problem(key: str, value: object, limit: str, remedy: str) -> Problem:
    """A problem of the dotted `key`."""
    return Problem(tuple(key.split(".")), shown(value), limit, remedy)


def shown(value: object) -> str:
    """A value as it would stand in a stack file, on one line, shortened."""
    text = str(value) if isinstance(value, (str, IPv4Network)) else json.dumps(value, default=str)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 1]}…"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be."""
    candidates = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), candidates, n=1, cutoff=0.5)
    return candidates[close[0]] if close else None


def causes(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without lists that are too short only since what is in them cannot be read."""
    inner = {error["loc"][:-1] for error in errors}
    return [one for one in errors if one["type"] != "too_short" or one["loc"] not in inner]


def path_of(error: ErrorDetails) -> tuple[str, ...]:
    """The key that pydantic complains about; `[key]` marks the key of a mapping itself."""
    return tuple(str(part) for part in error["loc"] if part != "[key]")


def unreadable(error: ErrorDetails) -> tuple[str, ...]:
    """What has to go for the rest to be read: a pool goes whole, since half a pool misleads."""
    path = path_of(error)
    whole = path[0] == "nodePools" and error["type"] != "extra_forbidden"
    return path[:2] if whole else path


def shape_problem(error: ErrorDetails) -> Problem:
    """pydantic's error as a problem."""
    path = path_of(error)
    if error["type"] == "extra_forbidden":
        return _unknown_key(path)
    known = reference.entry(path)
    limit = known.limit if known else "a mapping"
    if path == _SECRET:
        return Problem(path, "(not shown)", limit, "set it by `pulumi config set --secret`")
    example = shown(known.example) if known and known.example not in ({}, None) else ""
    if error["type"] == "missing":
        remedy = f"set it, for example to {example}" if example else "add the section"
        return Problem(path, "(missing)", limit, remedy)
    if _is_quoted(error):
        return Problem(path, json.dumps(error["input"]), limit, "write it without quotes")
    if error["input"] in (None, "") and known and len(known.path) == len(path):
        return Problem(path, "(nothing)", limit, _value_for(known, example))
    return Problem(path, shown(error["input"]), limit, _remedy(error, example))


def _is_quoted(error: ErrorDetails) -> bool:
    """Whether it is a number or a truth value as a text: the quotes are the fault."""
    kind, text = error["type"], error["input"]
    if not isinstance(text, str):
        return False
    if kind == "int_type":
        return text.removeprefix("-").isdecimal()
    return kind == "bool_type" and text in ("true", "false")


def _value_for(known: reference.Entry, example: str) -> str:
    """What to write after a key that nothing stands after."""
    if known.takes_defaults:
        value = "{} for its defaults"
    else:
        value = f"a value such as {example}" if example else "the section as a mapping"
    return f"write {value}" if known.required else f"write {value}, or remove the key"


def _remedy(error: ErrorDetails, example: str) -> str:
    kind = error["type"]
    if error["loc"][-1] == "[key]":
        return "rename the key"
    if kind == "string_type" and not isinstance(error["input"], (list, dict, NoneType)):
        return "put the value in quotes"
    if kind == "ip_v4_network" and (network := _without_host_bits(error["input"])):
        return f"write {network}, without host bits"
    return f"write a value such as {example}" if example else "write the section as a mapping"


def _without_host_bits(value: Any) -> IPv4Network | None:
    try:
        return IPv4Network(value, strict=False)
    except (TypeError, ValueError):
        return None


def _unknown_key(path: tuple[str, ...]) -> Problem:
    known = reference.keys_in(path[:-1])
    near = nearest(path[-1], known)
    # Its value may be a secret that was meant for something else.
    return Problem(
        path,
        "(not shown)",
        f"known keys are {', '.join(known)}",
        f"did you mean {near}?" if near else "remove it",
    )


def salvageable(raw: Any, paths: Iterable[Sequence[str]]) -> Any:
    """`raw` without what lies at `paths`, and without lists that hold one of them.

    Where a path leads nowhere (a missing key), what should have held it goes.
    """
    if not isinstance(raw, dict):
        return raw
    kept = {key: salvageable(value, ()) for key, value in raw.items()}
    for path in sorted(paths, key=len, reverse=True):
        _drop(kept, path)
    return kept


def _drop(tree: dict[str, Any], path: Sequence[str]) -> None:
    if not path:
        return
    head, rest = path[0], path[1:]
    child = tree.get(head)
    if not rest or not isinstance(child, dict) or (len(rest) == 1 and rest[0] not in child):
        tree.pop(head, None)
    else:
        _drop(child, rest)
