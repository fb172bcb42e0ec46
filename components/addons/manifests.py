"""Kubernetes manifests: the YAML files of an add-on's folder, with values filled in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

# An object as the API takes it. A value of it may be a pulumi.Output.
Manifest = dict[str, Any]

_FOLDER = Path(__file__).parent
_HASH_LENGTH = 16
_PLACE = re.compile(r"\$\{(\w+)\}")


def manifests(folder: str, values: Mapping[str, Any]) -> list[Manifest]:
    """The objects in FOLDER/*.yaml below this one, by file name, with `values` in their places.

    A text that is `${name}` and nothing else becomes the value itself: a number, a list, an object,
    an output; None leaves the key out. Inside a longer text only texts and numbers may stand. What
    Kubernetes and programs write with a dollar, `$(NODE_NAME)` or `$labels`, is left alone.

    Raises KeyError for a place without a value, ValueError for a value without a place, TypeError
    for one that cannot stand inside a text.
    """
    used: set[str] = set()
    found = [
        _filled(document, values, used)
        for path in sorted((_FOLDER / folder).glob("*.yaml"))
        for document in yaml.load_all(path.read_text(), yaml.CSafeLoader)
    ]
    if unused := sorted(values.keys() - used):
        raise ValueError(f"no manifest in {folder} has a place for {', '.join(unused)}")
    return found


def config_hash(text: str) -> str:
    """In hexadecimal, for an annotation of pods that read `text` only when they start."""
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def token(manifest: Manifest) -> str:
    """kubernetes:GROUP/VERSION:KIND, the first group being `core`."""
    version = manifest["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"


def _filled(node: Any, values: Mapping[str, Any], used: set[str]) -> Any:
    if isinstance(node, dict):
        inner = {key: _filled(value, values, used) for key, value in node.items()}
        return {key: value for key, value in inner.items() if value is not None}
    if isinstance(node, list):
        return [_filled(one, values, used) for one in node]
    if not isinstance(node, str):
        return node
    names = _PLACE.findall(node)
    used.update(names)
    if whole := _PLACE.fullmatch(node):
        return values[whole[1]]
    return _PLACE.sub(lambda place: _text(place[1], values[place[1]]), node)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, (str, int)):
        raise TypeError(f"{name} stands inside a text and is of {type(value)}: make a text of it")
    return str(value)
