"""The report as Markdown, for a person and for a comment on a pull request."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from commands.review.fates import NEW_INSTANCES, REFUSED, REPLACED, ROLLED, Fate

_MEANING = {
    ROLLED: "one after another, each deleted, created and asked whether it works before the next",
    NEW_INSTANCES: "nodes that run keep what they were born with",
    REFUSED: "**the update fails here, after all that comes before**; only a new one can be so",
    REPLACED: "**at once: all of them are gone until the new ones work**",
}


def markdown(
    stack: str,
    base: str,
    machines: Sequence[Fate],
    others: Sequence[Fate],
    files: tuple[Mapping[str, str], Mapping[str, str]],
) -> str:
    """files: the machine files of base and head, by ROLE/PATH."""
    lines = [f"## What this change does to `{stack}`", "", f"Compared with `{base}`.", ""]
    if machines:
        lines += ["| who | what happens | machines | because of |", "| --- | --- | --- | --- |"]
        lines += [_row(fate) for fate in machines]
    else:
        lines.append("No machine and no scale set changes.")
    lines.append("")
    lines += [f"- {_listed(fate)}" for fate in others] or ["Nothing else changes."]
    lines += ["", *_differences(*files)]
    return "\n".join(lines).rstrip() + "\n"


def shortened(text: str, limit: int) -> str:
    """The report within `limit` characters, the last differences of files left out."""
    if len(text) <= limit:
        return text
    note = "\n\n{} further files differ: `make review` shows them all.\n"
    cut = text.rfind("\n\n<details>", 0, limit - len(note))
    return text[:cut] + note.format(text.count("<details>", cut))


def _row(fate: Fate) -> str:
    meaning = _MEANING.get(fate.verdict)
    verdict = f"{fate.verdict}: {meaning}" if meaning else fate.verdict
    names = (" → " if fate.verdict == ROLLED else ", ").join(fate.names)
    return f"| {fate.who} | {verdict} | {names} | {', '.join(fate.causes) or '-'} |"


def _listed(fate: Fate) -> str:
    names = ", ".join(fate.names)
    if fate.verdict == REFUSED:
        return f"**{REFUSED}**: {names} ({', '.join(fate.causes)}): {_MEANING[REFUSED]}"
    verdict = f"**{fate.verdict}**" if fate.verdict == REPLACED else fate.verdict
    return f"{verdict}: {names}"


def _differences(base: Mapping[str, str], head: Mapping[str, str]) -> list[str]:
    """Files that several roles share differ alike, so each difference is shown once."""
    roles_by_difference: dict[tuple[str, str], list[str]] = {}
    for name in sorted({*base, *head}):
        role, _, path = name.partition("/")
        if difference := _difference(path, base.get(name), head.get(name)):
            roles_by_difference.setdefault((path, difference), []).append(role)
    if not roles_by_difference:
        return ["The machines' files are the same."]
    lines = ["### The machines' files", ""]
    for (path, difference), roles in roles_by_difference.items():
        lines += [
            f"<details><summary><code>/{path}</code> on {', '.join(roles)}</summary>",
            "",
            "````diff",
            difference,
            "````",
            "</details>",
            "",
        ]
    return lines


def _difference(path: str, base: str | None, head: str | None) -> str:
    return "\n".join(
        difflib.unified_diff(
            (base or "").splitlines(),
            (head or "").splitlines(),
            f"a/{path}" if base is not None else "/dev/null",
            f"b/{path}" if head is not None else "/dev/null",
            lineterm="",
        )
    )
