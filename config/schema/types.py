"""The building blocks of config/schema/*.py: types of single values, and documented keys."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

Count = Annotated[int, Strict(), Field(ge=0)]
Positive = Annotated[int, Strict(), Field(ge=1)]
Guid = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", to_lower=True
    ),
]
MemberKey = Annotated[str, StringConstraints(pattern=r"^[a-i]$")]
Members = Annotated[tuple[MemberKey, ...], Field(min_length=1)]
PoolKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,7}$")]
ScaleSetKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,3}$")]
# It stands in the machines' environment, so nothing that systemd or a shell would expand; and
# without a slash at its end, so that one place has one name.
HttpsUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https://[a-z0-9.-]+(:[0-9]+)?(/[^\s?#\"'$`\\]*)?$"),
    AfterValidator(lambda url: url.rstrip("/")),
]
# As Docker reads it, with the registry's host first: nothing that is looked for at docker.io.
_HOST = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(:[0-9]+)?)"
_PATH = r"(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)"
Registry = Annotated[str, StringConstraints(pattern=rf"^{_HOST}{_PATH}*$")]
PinnedImage = Annotated[
    str,
    StringConstraints(
        pattern=rf"^{_HOST}{_PATH}+:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}@sha256:[0-9a-f]{{64}}$"
    ),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Split into words by systemd and by shells alike, so nothing that either would expand or join.
Flag = Annotated[str, StringConstraints(pattern=r"^--[a-z][A-Za-z0-9-]*(=[^\s\"'$`\\]*)?$")]
Flags = tuple[Flag, ...]

QUOTA_MIN_BYTES = 2 * 1024**3
QUOTA_MAX_BYTES = 16 * 1024**3


def setting(
    meaning: str, *, limit: str, example: Any, default: Any = ..., **constraints: Any
) -> Any:
    """One documented key. limit: what is allowed, as the error and docs/settings.md say it."""
    return Field(
        default,
        description=meaning,
        examples=[example],
        json_schema_extra={"limit": limit},
        **constraints,
    )


class Section(BaseModel):
    """A mapping in the stack file: camelCase there, snake_case here; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    @field_validator("*", mode="before")
    @classmethod
    def _has_a_value(cls, value: Any) -> Any:
        """YAML's null is a key with nothing after it. As `absent` it would switch off silently what
        its author means to be on.
        """
        if value is None:
            raise PydanticCustomError("no_value", "a key without a value")
        return value
