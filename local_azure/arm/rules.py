"""What Azure refuses. One function a rule: it yields a message for each thing that is wrong.

A rule names Azure's error code and where the fact stands: a section of azure-facts, or "U" for
what is common knowledge. `live` rules look at other resources and so only hold at the PUT; the
others hold in a preview too, as far as its values are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local_azure.arm.kinds import KINDS, Kind
from local_azure.arm.shapes import Node, Properties, at, marked, missing, one, walk
from local_azure.arm.store import Resource, Store


class AzureError(Exception):
    """A refusal, in Azure's words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f'Code="{code}" Message="{message}"')
        self.code = code


@dataclass(frozen=True)
class Request:
    """A PUT: id is "" while a name in it is unknown; old is what the store holds under it."""

    kind: Kind
    id: str
    body: Properties
    store: Store
    old: Resource | None = None

    def all(self, path: str) -> list[Any]:
        return at(self.body, path)

    def one(self, path: str) -> Any:
        return one(self.body, path)

    @property
    def nodes(self) -> Iterator[Node]:
        return walk(self.kind.shape, self.body)

    @property
    def owners(self) -> list[str]:
        """Ids of the group and the resources that this one lies in, outermost first."""
        parts = self.id.split("/")
        above = [each for each in KINDS.values() if self.kind.path.startswith(each.path + "/")]
        return ["/".join(parts[: owner.path.count("/") + 1]) for owner in above]

    def others(self, *types: str) -> list[Resource]:
        """Stored resources of these types, or all, except the one that is put."""
        return [
            each
            for each in self.store.list()
            if (not types or each.type in types) and each.id.lower() != self.id.lower()
        ]


Check = Callable[[Request], Iterable[str]]


@dataclass(frozen=True)
class Rule:
    code: str
    fact: str
    kinds: tuple[str, ...]
    live: bool
    check: Check


RULES: list[Rule] = []


def rule(code: str, fact: str, *kinds: str, live: bool = False) -> Callable[[Check], Check]:
    """Registers a rule for these types, or for all; code "" is the type's own for a bad name."""

    def register(check: Check) -> Check:
        RULES.append(Rule(code, fact, kinds, live, check))
        return check

    return register


def refusals(request: Request, live: bool, rules: Iterable[Rule] = RULES) -> Iterator[AzureError]:
    for each in rules:
        if (live or not each.live) and (not each.kinds or request.kind.type in each.kinds):
            for message in each.check(request):
                yield AzureError(each.code or request.kind.bad_name, message)


@rule("InvalidRequestContent", "design: nothing is silently ignored")
def fields_are_known(request: Request) -> Iterator[str]:
    for node in request.nodes:
        if node.field is None:
            yield f"Could not find member '{node.path}' on {request.kind.arm_type}."


@rule("InvalidParameter", "U")
def required_fields_are_sent(request: Request) -> Iterator[str]:
    for path in missing(request.kind.shape, request.body):
        yield f"Required parameter '{path}' is missing (null)."


@rule("InvalidParameter", "§4 §8 §9 §11, and what the local Azure knows")
def values_are_allowed(request: Request) -> Iterator[str]:
    for node in request.nodes:
        if node.field is not None and not node.field.allows(node.value):
            yield f"'{node.path}' is not within {' '.join(node.field.values)}: {node.value!r:.60}"


@rule("", "U")
def name_is_allowed(request: Request) -> Iterator[str]:
    name = request.one(request.kind.parameters[-1])
    if name is not None and not re.fullmatch(request.kind.name, name, re.ASCII):
        yield f"The name '{name}' does not match {request.kind.name}."


@rule("ResourceGroupNotFound", "U", live=True)
def group_exists(request: Request) -> Iterator[str]:
    for group in request.owners[:1]:
        if request.store.get(group) is None:
            yield f"Resource group '{group.rpartition('/')[2]}' could not be found."


@rule("ParentResourceNotFound", "U", live=True)
def parent_exists(request: Request) -> Iterator[str]:
    for parent in request.owners[1:]:
        if request.store.get(parent) is None:
            yield f"Can not perform requested operation on nested resource: {parent} not found."


@rule("InvalidResourceReference", "U", live=True)
def references_exist(request: Request) -> Iterator[str]:
    for path, refers, target in references(request.kind, request.body):
        if not _exists(request.store, refers, target):
            yield f"Resource {target} referenced by {request.id} ({path}) was not found."


@rule("PropertyChangeNotAllowed", "§3 §4 §13", live=True)
def fixed_fields_stay(request: Request) -> Iterator[str]:
    for path in marked(request.kind.shape, "=") if request.old is not None else ():
        if request.old is not None and at(request.old.properties, path) != request.all(path):
            yield f"Changing property '{path}' is not allowed."


def references(kind: Kind, body: Properties) -> Iterator[tuple[str, str, str]]:
    """Path, type (see shapes) and id of everything that a body refers to."""
    for node in walk(kind.shape, body):
        if node.field is not None and node.field.refers and isinstance(node.value, str):
            yield node.path, node.field.refers, node.value


def _exists(store: Store, refers: str, resource_id: str) -> bool:
    type, _, collection = refers.partition(".")
    owner_id, _, name = resource_id.partition(f"/{collection or ' '}/")
    owner = store.get(owner_id)
    if owner is None or owner.type != type:
        return False
    return not collection or name in at(owner.properties, f"{collection}.name")
