"""make review BASE=main STACK=prod: what the work tree would do to a stack of that commit."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from commands.engine import TOP
from commands.preview import plan_engine
from commands.review.fates import machine_fates, other_fates
from commands.review.report import markdown, shortened
from commands.review.sources import ReviewError, commit, has, rendered
from commands.review.steps import build, plan
from commands.tools import toolchain


def review(base: str, stack: str, head: Path = TOP) -> str:
    """The report on what lies in `head` against its commit `base`. Raises ReviewError."""
    with (
        commit(base, head) as before,
        tempfile.TemporaryDirectory(prefix="kilonode-review-") as scratch,
    ):
        if not has(head, stack):
            raise ReviewError(f"STACK={stack}: there is no Pulumi.{stack}.yaml in the work tree")
        files = (
            rendered(before, stack, Path(scratch) / "base"),
            rendered(head, stack, Path(scratch) / "head"),
        )
        engine = plan_engine(stack, Path(scratch))
        # All of a new stack is created.
        if has(before, stack):
            build(before, engine)
        steps = plan(head, engine)
    return markdown(stack, base, machine_fates(steps), other_fates(steps), files)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make review", description=__doc__)
    parser.add_argument("--base", required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--limit", type=int, help="characters; GitHub takes 65,536 in a comment")
    arguments = parser.parse_args()
    toolchain("ensure", "preview")
    try:
        report = review(arguments.base, arguments.stack)
    except ReviewError as error:
        sys.exit(f"kilonode: {error}")
    print(shortened(report, arguments.limit) if arguments.limit else report)


if __name__ == "__main__":
    main()
