"""The local Azure's commands: python -m local_azure COMMAND."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from local_azure import daemon, fingerprint, host, image
from local_azure.machines import verbs
from local_azure.machines.machine import MachineError
from local_azure.shell import CommandError


def _say(text: str) -> None:
    print(f"kilonode: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_azure", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text)
        added.set_defaults(run=run)
        return added

    command("image", lambda _: image.ensure(_say), "build the machines' base image")
    checks = command("check", lambda given: host.check(given.install), "what this host lacks")
    checks.add_argument("--install", action="store_true", help="install missing packages")
    command("up-daemon", lambda _: daemon.up(_say), "start the local Azure, unless it runs")
    command("serve", lambda _: daemon.serve(_say), "be the local Azure's daemon")
    command("down", lambda _: daemon.down(_say), "end all that is the local Azure's on this host")
    command(
        "fingerprint",
        lambda _: print(json.dumps(fingerprint.take(), indent=1)),
        "what `down` must leave as it was before",
    )
    verbs.add(commands.add_parser("machines", help="what exists, and verbs on one machine"))
    return parser


def main() -> None:
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except (CommandError, MachineError, OSError) as error:
        sys.exit(f"kilonode: {error}")
    except KeyboardInterrupt:
        sys.exit("kilonode: interrupted; the same command goes on from here")


if __name__ == "__main__":
    main()
