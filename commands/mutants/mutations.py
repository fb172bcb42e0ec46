"""A setting is taken away from a file, or given another value, by the file's own format.

Raises MutationError where the file does not hold the setting exactly once: whoever wrote the key
down must mean one place.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePath
from typing import Any

import yaml

# What an item of a list is called by, in Kubernetes' and Prometheus' files.
_NAMING = ("name", "alert", "record", "job_name", "kind")


class MutationError(Exception):
    """The file does not hold the setting, or not once, or has that value already."""


def mutated(file: str, text: str, key: str, value: Any = None) -> str:
    """`text` of `file` without the setting `key`, or with `value` for it if there is one.

    key: a flag (--name), whatever the format; in Python a dictionary's key (after those above it,
    with dots), a keyword argument or a constant; in YAML and JSON a path with dots, in which an
    item of a list goes by its name, alert, job_name, kind or place; elsewhere what stands before
    the equals sign, how the line begins, or the words that are replaced.
    """
    suffix = PurePath(file).suffix
    if key.startswith("--"):
        after = _flag(text, key, value)
    elif suffix == ".py":
        after = _python(text, key, value)
    elif suffix in (".yaml", ".yml", ".json"):
        after = _structured(text, key, value, PurePath(file).name.startswith("Pulumi."))
    else:
        after = _line(text, key, value)
    if after == text:
        raise MutationError(f"{key} is {value!r} as it is")
    return after


def _once(found: list[Any], key: str) -> Any:
    if len(found) != 1:
        raise MutationError(f"{key} stands {len(found)} times in it")
    return found[0]


def _flag(text: str, key: str, value: Any) -> str:
    """Its value follows an equals sign, or a blank where no other flag follows."""
    word = r"[^\s\"',\]]*"
    own = rf"=({word})|[ ]+(?![$\\-]){word}"
    pattern = rf"(?<![\w-]){re.escape(key)}(?![\w-])({own})?"
    flag = _once([one for one in re.finditer(pattern, text) if not _comment(text, one)], key)
    if value is not None:
        return f"{text[: flag.start()]}{key}={value}{text[flag.end() :]}"
    after = text[: flag.start()] + text[flag.end() :]
    start = after.rfind("\n", 0, flag.start()) + 1
    end = after.find("\n", flag.start()) + 1 or len(after)
    # A line that held nothing else goes with it.
    return after if after[start:end].strip(" \t\n\\\"',-") else after[:start] + after[end:]


def _comment(text: str, found: re.Match[str]) -> bool:
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    return line.lstrip().startswith("#")


def _line(text: str, key: str, value: Any) -> str:
    """One line of systemd's, sysctl's (after a minus) or a shell's, or some of its words."""
    pattern = rf"^([ \t]*-?{re.escape(key)}[ \t]*=[ \t]*).*\n"
    if value is not None and not re.search(pattern, text, re.MULTILINE):
        words = _once(list(re.finditer(re.escape(key), text)), key)
        return text[: words.start()] + str(value) + text[words.end() :]
    if value is None:
        pattern = rf"^[ \t]*-?{re.escape(key)}.*\n"
    line = _once(list(re.finditer(pattern, text, re.MULTILINE)), key)
    changed = "" if value is None else f"{line[1]}{value}\n"
    return text[: line.start()] + changed + text[line.end() :]


def _structured(text: str, key: str, value: Any, stack: bool) -> str:
    """In any of the file's documents; in a stack file, below its configuration."""
    documents = list(yaml.safe_load_all(text))
    roots = [document["config"] for document in documents] if stack else documents
    # A document's own name comes first where one key stands in several.
    found = [*_places(roots, key), *(place for root in roots for place in _places(root, key))]
    holder, last = _once(found, key)
    if value is None:
        del holder[last]
    elif holder[last] == value:
        return text
    else:
        holder[last] = value
    if text.lstrip().startswith("{"):
        return json.dumps(documents[0], indent=1)
    return yaml.safe_dump_all(documents, sort_keys=False)


def _places(value: Any, key: str) -> Iterator[tuple[Any, Any]]:
    """What holds the setting, and under which key or place. Keys may have dots of their own."""
    names: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        names = [(str(name), name) for name in value]
    elif isinstance(value, list):
        names = [(name, place) for place, item in enumerate(value) for name in _names(item, place)]
    for name, place in names:
        if key == name:
            yield value, place
        elif key.startswith(f"{name}."):
            yield from _places(value[place], key.removeprefix(f"{name}."))


def _names(item: Any, place: int) -> Iterator[str]:
    yield str(place)
    if isinstance(item, dict):
        yield from (str(item[key]) for key in _NAMING if key in item)
        if "name" in item.get("metadata", {}):
            yield item["metadata"]["name"]


def _python(text: str, key: str, value: Any) -> str:
    """Comments go too: no proof reads them."""
    module = ast.parse(text)
    before = ast.unparse(module)
    new = None if value is None else ast.parse(repr(value), mode="eval").body
    _once([change for node in ast.walk(module) for change in _changes(node, key, new)], key)()
    after = ast.unparse(module)
    return text if after == before else after


def _changes(node: ast.AST, key: str, new: ast.expr | None) -> Iterator[Callable[[], None]]:
    """What to do where `node` holds the setting; a constant cannot be taken away."""
    if isinstance(node, ast.Dict):
        yield from _changes_in_dictionary(node, key, new)
    elif isinstance(node, ast.Call):
        for place, keyword in enumerate(node.keywords):
            if keyword.arg == key:
                yield partial(_change_keyword, node, place, new)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and new is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if [ast.unparse(target) for target in targets] == [key]:
            yield partial(setattr, node, "value", new)


def _changes_in_dictionary(
    node: ast.Dict, key: str, new: ast.expr | None
) -> Iterator[Callable[[], None]]:
    for place, (name, value) in enumerate(zip(node.keys, node.values, strict=True)):
        if not isinstance(name, ast.Constant) or not isinstance(said := name.value, str):
            continue
        if said == key:
            yield partial(_change_item, node, place, new)
        elif key.startswith(f"{said}."):
            for inner in ast.walk(value):
                yield from _changes(inner, key.removeprefix(f"{said}."), new)


def _change_item(node: ast.Dict, place: int, new: ast.expr | None) -> None:
    if new is None:
        del node.keys[place], node.values[place]
    else:
        node.values[place] = new


def _change_keyword(node: ast.Call, place: int, new: ast.expr | None) -> None:
    if new is None:
        del node.keywords[place]
    else:
        node.keywords[place].value = new
