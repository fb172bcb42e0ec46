"""Command line: `python -m toolchain ensure up`, `bin`, `mirror`, `images`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from toolchain import spec
from toolchain.ensure import PURPOSES, NotMadeError, Toolchain
from toolchain.errors import ToolchainError
from toolchain.options import Options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 an error that the message explains."""
    chosen = _parser().parse_args(arguments)
    try:
        toolchain = Toolchain(spec.load(), Options.from_environment())
        if chosen.command == "ensure":
            toolchain.ensure(chosen.purpose)
        else:
            print(_folder(toolchain, chosen))
    except ToolchainError as error:
        print(f"toolchain: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("toolchain: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


def _folder(toolchain: Toolchain, chosen: argparse.Namespace) -> Path | None:
    if chosen.command == "mirror":
        return toolchain.folders("up").mirror
    if chosen.command == "images":
        return toolchain.folders("up").images
    if chosen.purpose:
        return toolchain.folders(chosen.purpose).bin
    try:
        return toolchain.folders("up").bin
    except NotMadeError:
        # A preview needs little: whoever asked for no more gets that.
        return toolchain.folders("preview").bin


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m toolchain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ensure = commands.add_parser("ensure", help="download or build what is missing")
    ensure.add_argument("purpose", choices=PURPOSES)
    programs = commands.add_parser("bin", help="print the folder to put first on PATH")
    programs.add_argument("purpose", nargs="?", choices=PURPOSES)
    commands.add_parser("mirror", help="print the folder of artifacts, as HOST/PATH")
    commands.add_parser("images", help="print the folder of image archives")
    return parser


if __name__ == "__main__":
    sys.exit(main())
