"""Registers the resources of resources.json: name, type, inputs, after (names), options."""

import json
from pathlib import Path

import pulumi

made: dict[str, pulumi.Resource] = {}
for entry in json.loads(Path("resources.json").read_text()):
    options = pulumi.ResourceOptions(
        depends_on=[made[name] for name in entry.get("after", [])], **entry.get("options", {})
    )
    made[entry["name"]] = pulumi.CustomResource(
        entry["type"], entry["name"], entry["inputs"], options
    )
