"""A plugin that knows no rule and no output: the floor under every preview."""

from __future__ import annotations

import json
import sys

from local_azure.arm.shapes import Properties
from local_azure.providers import protocol


class EmptyPlugin(protocol.Plugin):
    def __init__(self, package: str) -> None:
        self.package = package

    def preview(self, type: str, inputs: Properties, outputs: Properties) -> Properties:
        return {}

    def invoke(self, function: str, arguments: Properties) -> Properties:
        return {}


def main() -> None:
    """Print the ports of one empty plugin for each name in argv as JSON, then serve."""
    started = {name: protocol.start(EmptyPlugin(name)) for name in sys.argv[1:]}
    print(json.dumps(started), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
