"""A recipe folder: a pinned Go module and what to build of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from toolchain import digest
from toolchain.errors import ToolchainError
from toolchain.versions import parse


@dataclass(frozen=True)
class Recipe:
    """What build.yaml says."""

    folder: Path
    # Program -> Go package.
    packages: Mapping[str, str]
    # File -> MODULE:PATH of a file inside a module that is in go.mod.
    files: Mapping[str, str]
    # Go variable -> value; {version}, {number}, {major} and {minor} are filled.
    variables: Mapping[str, str]
    # The module that carries the version; None for this project's own programs.
    module: str | None
    cgo: bool
    # Go's build tags.
    tags: tuple[str, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything that a build of it leaves."""
        return (*self.packages, *self.files)

    def fingerprint(self) -> str:
        """Hash of everything in the folder."""
        return digest.of_folder(self.folder)

    def linker_flags(self, version: str) -> str:
        """Flags that strip the program, set its version and, with C, keep it static."""
        major, minor = (parse(version) or (0, 0))[:2]
        flags = ["-s", "-w"]
        for name, value in self.variables.items():
            filled = value.format(
                version=version,
                number=version.removeprefix("v"),
                major=major,
                minor=minor,
            )
            flags += ["-X", f"{name}={filled}"]
        if self.cgo:
            flags += ["-linkmode", "external", "-extldflags", "-static"]
        return " ".join(flags)

    def check(self, version: str) -> None:
        """Refuse to build another version than config/artifacts.yaml names."""
        if self.module is None:
            return
        pinned = re.search(
            rf"^\s*(?:require\s+)?{re.escape(self.module)}\s+(v\S+)",
            (self.folder / "go.mod").read_text(),
            re.MULTILINE,
        )
        found = pinned.group(1) if pinned else "nothing"
        if found != version:
            raise ToolchainError(
                f"{self.folder / 'go.mod'} requires {self.module} {found}, but "
                f"config/artifacts.yaml says {version}: change both together"
            )


def read(folder: Path) -> Recipe:
    """Read a recipe folder."""
    body = yaml.safe_load((folder / "build.yaml").read_text())
    known = {"packages", "files", "variables", "module", "cgo", "tags"}
    if unknown := sorted(set(body) - known):
        raise ToolchainError(f"{folder / 'build.yaml'}: unknown keys {unknown}")
    return Recipe(
        folder=folder,
        packages=dict(body["packages"]),
        files=dict(body.get("files") or {}),
        variables={k: str(v) for k, v in (body.get("variables") or {}).items()},
        module=body.get("module"),
        cgo=bool(body.get("cgo", False)),
        tags=tuple(body.get("tags") or ()),
    )
