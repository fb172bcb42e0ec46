"""The settings' shape: apiserver, controller-manager and scheduler."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from config.control_plane import Preset
from config.schema.types import Section, setting

EncryptionKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,7}$")]


class ControlPlane(Section):
    preset: Preset = setting(
        "figures of the control plane's programs: `default` for hundreds of nodes, `large` for "
        "thousands; [what they are](#presets-of-the-control-plane)",
        limit="default or large",
        example="large",
        default="default",
    )
    encryption_keys: tuple[EncryptionKey, ...] = setting(
        "names of the keys that Secrets are encrypted with in etcd: the first writes, all read; "
        "[how to change them](operations.md#a-new-key-for-secrets)",
        limit="1 to 4 different names: a letter, then up to 7 lower-case letters or digits",
        example=["a"],
        default=("a",),
        min_length=1,
        max_length=4,
    )
    scheduler_policy: dict[str, Any] | None = setting(
        "what the scheduler prefers, in the form of the Policy that Kubernetes had until 1.22; "
        "without it the documents' own, config/scheduler-policy.json (D9)",
        limit="predicates by name; priorities by name and weight, as there",
        example={
            "predicates": [{"name": "GeneralPredicates"}],
            "priorities": [{"name": "MostRequestedPriority", "weight": 1}],
        },
        default=None,
    )
