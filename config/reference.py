"""The settings' keys as a table, read from the schema: for docs/settings.md and for errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.schema.stack import Settings

# These settings are the azure-native provider's own.
PROVIDER_KEYS = frozenset({"location", "subscriptionId", "tenantId"})


@dataclass(frozen=True)
class Entry:
    """One key. path: its parts; `*` stands for the keys of a mapping that the user names.

    takes_defaults: whether it is a section that may be {}, since none of its keys is required.
    """

    path: tuple[str, ...]
    meaning: str
    limit: str
    example: Any
    default: Any
    required: bool
    takes_defaults: bool


def qualified(path: Sequence[str]) -> str:
    """The key as it stands in a stack file."""
    namespace = "azure-native" if path and path[0] in PROVIDER_KEYS else "kilonode"
    return f"{namespace}:{'.'.join(path)}"


def entries(model: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[Entry]:
    """All keys, in the schema's order; sections come before what is in them."""
    for name, field in _fields(model).items():
        yield _entry((*path, name), field)
        section, inner = _section(field.annotation, (*path, name))
        if section:
            yield from entries(section, inner)


def entry(path: Sequence[str]) -> Entry | None:
    """The nearest documented key at or above `path`."""
    found: Entry | None = None
    for known in entries():
        if _covers(known.path, path) and (found is None or len(known.path) > len(found.path)):
            found = known
    return found


def keys_in(path: Sequence[str]) -> list[str]:
    """The keys that the section at `path` knows; empty where the user names them."""
    return [
        known.path[-1]
        for known in entries()
        if len(known.path) == len(path) + 1 and _covers(known.path[:-1], path)
    ]


def _covers(pattern: Sequence[str], path: Sequence[str]) -> bool:
    return len(pattern) <= len(path) and all(
        part in ("*", actual) for part, actual in zip(pattern, path, strict=False)
    )


def _fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _entry(path: tuple[str, ...], field: FieldInfo) -> Entry:
    extra = field.json_schema_extra
    assert isinstance(extra, dict), f"{path}: declare it with setting()"
    section, inner = _section(field.annotation, path)
    return Entry(
        path=path,
        meaning=field.description or "",
        limit=str(extra["limit"]),
        example=(field.examples or [None])[0],
        default=None if field.is_required() else field.default,
        required=field.is_required(),
        takes_defaults=section is not None
        and inner == path
        and not any(one.is_required() for one in section.model_fields.values()),
    )


def _section(
    annotation: Any, path: tuple[str, ...]
) -> tuple[type[BaseModel] | None, tuple[str, ...]]:
    """The section that a field holds, itself or as the values of a mapping, and its path."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _section(arguments[0], path)
    if origin in (Union, UnionType):
        return _section(next(a for a in arguments if a is not NoneType), path)
    if origin is dict:
        return _section(arguments[1], (*path, "*"))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, path
    return None, path
