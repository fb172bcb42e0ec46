"""The resource types that the program uses, read from kinds.txt: one block each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template

from config import azure_limits
from local_azure.arm.shapes import Properties, Shape, parse

GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True)
class Kind:
    """A resource type; for its fields see kinds.txt."""

    type: str
    path: str
    name: str
    body: str
    bad_name: str
    in_use: str

    @cached_property
    def parameters(self) -> list[str]:
        """Inputs that make up the id."""
        return [name for name in re.findall(r"{(\w+)}", self.path) if name != "subscriptionId"]

    @cached_property
    def shape(self) -> Shape:
        return parse(" ".join(f"{name}!^" for name in self.parameters) + " " + self.body)

    @property
    def arm_type(self) -> str:
        """As Azure writes it: Microsoft.Compute/virtualMachines/runCommands."""
        _, found, provider = self.path.rpartition("/providers/")
        parts = (provider if found else "Microsoft.Resources/resourceGroups").split("/")
        return "/".join([parts[0], *parts[1::2]])

    def id(self, subscription: str, inputs: Properties) -> str:
        return self.path.format_map({"subscriptionId": subscription} | inputs).replace("//", "/")


def _read(text: str) -> dict[str, Kind]:
    known = {name: str(value) for name, value in vars(azure_limits).items() if name.isupper()}
    known["LOAD_BALANCER_IDLE_MINUTES"] = "{}..{}".format(*azure_limits.LOAD_BALANCER_IDLE_MINUTES)
    known["GUID"] = GUID
    kinds = {}
    for block in re.sub(r"(?m)^#.*\n|\n    +", " ", text).split("\n\n"):
        rows = dict(re.findall(r"(?m)^  (\w[\w ]*): (.*)$", block))
        for name, value in re.findall(r"(?m)^\s*\$(\w+) = (.*)$", block):
            known[name] = Template(value).substitute(known)
        if rows:
            full = {name: Template(value).substitute(known) for name, value in rows.items()}
            type, refused = block.split()[0], full.get("refused", "InvalidResourceName")
            kinds[type] = Kind(
                type, full["path"], full["name"], full["body"], refused, full.get("in use", "")
            )
    return kinds


KINDS = _read((Path(__file__).parent / "kinds.txt").read_text())
