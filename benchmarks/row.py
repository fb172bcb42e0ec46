"""One line of the table that `make bench` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """name: what is measured. figure and baseline: the two arms, with unit. aim: what we are
    after. reached: whether this run got there."""

    name: str
    figure: str
    baseline: str
    result: str
    aim: str
    reached: bool


def table(rows: list[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| benchmark | figure | baseline | result | aim | reached |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.name, row.figure, row.baseline, row.result, row.aim)
        lines.append(f"| {' | '.join(cells)} | {'yes' if row.reached else 'no'} |")
    return "\n".join(lines)
