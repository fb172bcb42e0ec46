"""Rules that look at more than one value, as a list of small functions."""

from __future__ import annotations

from collections.abc import Iterable

from config.checks import (
    addons,
    artifacts,
    azure_addons,
    control_plane,
    learners,
    members,
    names,
    pools,
    ranges,
    sizes,
    watching,
    zones,
)
from config.checks.check import Check, applies
from config.problems import Problem
from config.schema.stack import Settings

CHECKS: tuple[Check, ...] = (
    *names.CHECKS,
    *ranges.CHECKS,
    *members.CHECKS,
    *zones.CHECKS,
    *pools.CHECKS,
    *addons.CHECKS,
    *sizes.CHECKS,
    *learners.CHECKS,
    *azure_addons.CHECKS,
    *artifacts.CHECKS,
    *control_plane.CHECKS,
    *watching.CHECKS,
)


def problems(settings: Settings, broken: Iterable[tuple[str, ...]]) -> list[Problem]:
    """What all rules find.

    settings: a section that could not be read is None. broken: keys whose value could not be read;
    rules that read them are left out, since they would report what nobody wrote.
    """
    unread = list(broken)
    return [
        problem
        for check in CHECKS
        if applies(check, settings, unread)
        for problem in check.run(settings)
    ]


def unbuildable(settings: Settings) -> list[str]:
    """Warnings that have to be gone before anything is built."""
    return list(artifacts.unbuildable(settings))


def notes(settings: Settings) -> list[str]:
    """What the settings' author should prepare."""
    return [*sizes.notes(settings), *artifacts.notes(settings)]


def warnings(settings: Settings) -> list[str]:
    """What the settings' author should know although they are valid."""
    return [
        *names.warnings(settings),
        *sizes.warnings(settings),
        *members.warnings(settings),
        *zones.warnings(settings),
        *ranges.warnings(settings),
        *watching.warnings(settings),
        *artifacts.unbuildable(settings),
    ]
