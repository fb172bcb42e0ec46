"""A stack's settings: read once, refused as a whole with every problem named.

settings = of_stack("prod")     # raises SettingsError
for text in warnings(settings): ...
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError, create_model

from config import checks, user_data_limit
from config.checks import notes, unbuildable, warnings
from config.problems import SettingsError, causes, salvageable, shape_problem, unreadable
from config.reference import PROVIDER_KEYS
from config.schema.stack import Settings
from config.stack_file import configuration

__all__ = [
    "Settings",
    "SettingsError",
    "load",
    "notes",
    "of_stack",
    "raw_settings",
    "unbuildable",
    "warnings",
]

_PROJECT = "kilonode"
_PROVIDER = "azure-native"

# The same settings with every section allowed to be missing: what can still be checked when some
# of them cannot be read.
_optional: dict[str, Any] = {
    name: (cast(Any, field.annotation) | None, None)
    for name, field in Settings.model_fields.items()
}
_Readable = create_model("_Readable", __base__=Settings, **_optional)


def of_stack(stack: str) -> Settings:
    """The settings that stand in the stack's file. Raises StackFileError or SettingsError."""
    return load(raw_settings(configuration(stack)))


def load(raw: Mapping[str, Any]) -> Settings:
    """The settings in `raw`: top-level keys without namespace, values as YAML reads them.

    Raises SettingsError with all problems.
    """
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        errors = causes(error.errors())
        broken = {unreadable(one) for one in errors}
        found = [shape_problem(one) for one in errors]
        found += checks.problems(_readable(raw, broken), broken)
        raise SettingsError(found) from None
    found = checks.problems(settings, ()) or user_data_limit.problems(settings)
    if found:
        raise SettingsError(found)
    return settings


def raw_settings(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Stack configuration by its full keys, as `load` takes it.

    entries: values as YAML reads them, or as the Pulumi engine passes them on, which makes JSON of
    lists and mappings. Keys of other namespaces, and the provider's further keys, are
    left out.
    """
    raw: dict[str, Any] = {}
    for key, value in entries.items():
        namespace, _, name = key.partition(":")
        if namespace == _PROJECT or (namespace == _PROVIDER and name in PROVIDER_KEYS):
            raw[name] = _parsed(value)
    return raw


def _parsed(value: Any) -> Any:
    # The engine knows no numbers: what is one in the file is a text to the program.
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    # Nor is there null: a key with nothing after it is an empty text.
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _readable(raw: Mapping[str, Any], broken: set[tuple[str, ...]]) -> Settings:
    paths = broken
    kept: Any = dict(raw)
    while paths:
        kept = salvageable(kept, paths)
        try:
            return _Readable.model_validate(kept)
        except ValidationError as error:
            paths = {unreadable(one) for one in error.errors()}
    raise AssertionError("a validation error names at least one key")
