"""The control plane's programs."""

from __future__ import annotations

from collections.abc import Iterator

from config import scheduler_policy
from config.checks.check import reads
from config.checks.members import different
from config.problems import Problem
from config.schema.stack import Settings


@reads("controlPlane.schedulerPolicy")
def scheduler_policies_have_a_counterpart(settings: Settings) -> Iterator[Problem]:
    yield from scheduler_policy.problems(scheduler_policy.chosen(settings))


@reads("controlPlane.encryptionKeys")
def encryption_keys_differ(settings: Settings) -> Iterator[Problem]:
    keys = settings.control_plane.encryption_keys
    yield from different("controlPlane.encryptionKeys", keys)


CHECKS = (scheduler_policies_have_a_counterpart, encryption_keys_differ)
