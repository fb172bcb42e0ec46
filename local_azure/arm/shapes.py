"""The shape of a request's body, written as one line of text per object.

`name` is a field, `{…}` what an object or each item of a list holds, `(A,B)` the only values that
the local Azure knows, `(1..5)` or `(1..)` the range of a number or of the length of a text or list.
Marks: `!` required · `^` the azure-native plugin replaces the resource when it changes · `=` Azure
refuses its change · `~` Azure never gives it back · `*` any keys · `@type` the id of a resource
that must exist (`@type.list`: of a named item in that list of it).
A field that is not in the shape is refused, so nothing that a program sends is silently ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = dict[str, Any]


class Unknown:
    """A value that the engine will only know after an `up`."""


UNKNOWN = Unknown()

_FIELD = re.compile(r"(\w+)(?:\(([^)]*)\))?([!^=~*]*)(?:@([\w:]+(?:\.\w+)?))?\s*(\{?)|\}")


@dataclass(frozen=True)
class Field:
    marks: str
    values: tuple[str, ...]
    refers: str
    fields: Shape | None

    def allows(self, value: Any) -> bool:
        if not self.values:
            return True
        low, dots, high = self.values[0].partition("..")
        if dots:
            size = value if isinstance(value, int | float) else len(value)
            return float(low) <= size <= float(high or "inf")
        return isinstance(value, list) or str(value) in self.values


Shape = Mapping[str, Field]


@dataclass(frozen=True)
class Node:
    """One known value of a body; `field` is None where the shape has no such field."""

    path: str
    field: Field | None
    value: Any


def parse(text: str) -> Shape:
    levels: list[dict[str, Field]] = [{}]
    for name, values, marks, refers, opens in _FIELD.findall(text):
        if not name:
            levels.pop()
            continue
        inner: dict[str, Field] | None = {} if opens else None
        allowed = tuple(values.split(",")) if values else ()
        levels[-1][name] = Field(marks, allowed, refers, inner)
        if inner is not None:
            levels.append(inner)
    return levels[0]


def walk(shape: Shape, body: Properties, path: str = "") -> Iterator[Node]:
    """Every known value below `body`: a list as such, then its items one by one."""
    for name, value in body.items():
        field = shape.get(name)
        if isinstance(value, list):
            yield Node(f"{path}{name}", field, value)
        for at, item in _items(f"{path}{name}", value):
            yield Node(at, field, item)
            if field is not None and field.fields is not None and isinstance(item, dict):
                yield from walk(field.fields, item, f"{at}.")


def _items(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _items(f"{path}[{index}]", item)
    elif value is not UNKNOWN:
        yield path, value


def missing(shape: Shape, body: Properties, path: str = "") -> Iterator[str]:
    """Paths of required fields that are not sent; an unknown value counts as sent."""
    for name, field in shape.items():
        if "!" in field.marks and body.get(name) is None:
            yield path + name
        if field.fields is not None:
            for at, item in _items(path + name, body.get(name)):
                if isinstance(item, dict):
                    yield from missing(field.fields, item, f"{at}.")


def marked(shape: Shape, mark: str, path: str = "") -> Iterator[str]:
    """Dotted paths of the fields with this mark, without list indices."""
    for name, field in shape.items():
        if mark in field.marks:
            yield path + name
        elif field.fields is not None:
            yield from marked(field.fields, mark, f"{path}{name}.")


def at(body: Any, path: str) -> list[Any]:
    """The known values at a dotted path, lists on the way flattened; [] if there are none."""
    values = [body]
    for name in path.split("."):
        found = [value[name] for value in values if isinstance(value, dict) and name in value]
        values = [item for value in found for _, item in _items("", value)]
    return [value for value in values if value is not None]


def one(body: Any, path: str) -> Any:
    """The only known value at a dotted path, or None."""
    return next(iter(at(body, path)), None)


def pick(body: Any, path: str) -> Properties:
    """The body with nothing but the value at a dotted path that crosses no list."""
    name, _, rest = path.partition(".")
    if not isinstance(body, dict) or name not in body:
        return {}
    return {name: pick(body[name], rest) if rest else body[name]}


def merged(under: Properties, over: Properties) -> Properties:
    """Both, object by object; where both have another value, that of `over`."""
    return under | {
        name: merged(under[name], value)
        if isinstance(value, dict) and isinstance(under.get(name), dict)
        else value
        for name, value in over.items()
    }


def without(body: Any, path: str) -> Any:
    """A copy of the body that lacks the value at a dotted path, in each item of lists too."""
    name, _, rest = path.partition(".")
    if isinstance(body, list):
        return [without(item, path) for item in body]
    if not isinstance(body, dict) or name not in body:
        return body
    if not rest:
        return {key: value for key, value in body.items() if key != name}
    return body | {name: without(body[name], rest)}
