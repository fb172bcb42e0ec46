"""Where each component comes from: the cache, its official release, or a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from toolchain import archive, digest, download, go, gobuild, recipe
from toolchain.errors import ToolchainError
from toolchain.go_caches import GoCaches
from toolchain.options import Options
from toolchain.progress import Step
from toolchain.spec import REPOSITORY, Component, Spec
from toolchain.store import Store, sums

Kind = Literal["release", "build"]


@dataclass(frozen=True)
class Made:
    """A component's programs in the cache, and its release if it came as one."""

    programs: Mapping[str, Path]
    original: Path | None

    def sums(self) -> dict[str, str]:
        """SHA-256 of every program, from the cache's records."""
        return {name: sums(path.parent)[path.name] for name, path in self.programs.items()}


class Sources:
    """Finds components in the cache and makes those that are missing."""

    def __init__(self, spec: Spec, options: Options, store: Store) -> None:
        self._spec = spec
        self._options = options
        self._store = store
        self._go_caches = GoCaches(store.root / "go-caches")
        self._online: bool | None = None

    def find(self, component: Component) -> Made | None:
        """Look in the cache only, for a release first."""
        for kind in self._allowed(component):
            if found := self._find(component, kind):
                return found
        return None

    def unit(self, component: Component) -> str:
        """Name the one download or build that yields it; it may serve several."""
        if self._choose(component) == "release":
            return self._owner(component).file
        return Path(component.recipe).name

    def doing(self, component: Component) -> str:
        """Say what `make` is going to do."""
        if self._choose(component) == "release":
            return f"downloading {self._owner(component).url}"
        return f"building {component.version} from Go modules"

    def make(self, component: Component, step: Step) -> Made:
        """Download or build a component."""
        if self._choose(component) == "release":
            owner = self._owner(component)
            try:
                return self._download(owner, step)
            except download.UnreachableError as error:
                if self._options.mode == "release":
                    raise
                self._online = False
                step.say(f"{error}; building it instead")
        return self._build(component, step)

    def tidy(self) -> None:
        """Remove what only builds need."""
        self._go_caches.remove()

    def _allowed(self, component: Component) -> tuple[Kind, ...]:
        """Tell which kinds may be used; without a pinned sum, only a build."""
        if self._owner(component).sha256 is None or self._options.mode == "build":
            return ("build",)
        return ("release",) if self._options.mode == "release" else ("release", "build")

    def _choose(self, component: Component) -> Kind:
        allowed = self._allowed(component)
        if len(allowed) == 1:
            return allowed[0]
        if self._online is None:
            # One question per run, about a file that would be needed anyway.
            probe = self._owner(component).url or ""
            self._online = download.reachable(probe, self._options.mirror)
        return "release" if self._online else "build"

    def _owner(self, component: Component) -> Component:
        """Return the component whose release holds this one."""
        if component.released_in:
            return self._spec.tools[component.released_in]
        return component

    def _find(self, component: Component, kind: Kind) -> Made | None:
        if kind == "release":
            owner = self._owner(component)
            files = self._store.find(owner.file, _release_key(owner))
            return _released(owner, files) if files else None
        plan = self._recipe(component)
        files = self._store.find(plan.folder.name, self._build_key(component, plan))
        return _built(plan, files) if files else None

    def _download(self, owner: Component, step: Step) -> Made:
        def fill(files: Path) -> None:
            if owner.url is None or owner.sha256 is None:
                raise ToolchainError(f"{owner.name}: no pinned release")
            made = _released(owner, files)
            target = made.original or files / owner.file
            target.parent.mkdir(exist_ok=True)
            mirror = self._options.mirror
            download.fetch(owner.name, owner.url, owner.sha256, target, mirror, step)
            if owner.archived:
                members = {m: files / program for m, program in owner.provides.items()}
                archive.unpack(target, members)
            else:
                target.chmod(0o755)

        return _released(owner, self._store.make(owner.file, _release_key(owner), fill))

    def _build(self, component: Component, step: Step) -> Made:
        plan = self._recipe(component)

        def fill(files: Path) -> None:
            program = self._go.program or go.install(self._spec.go, self._store, step)
            log = self._store.root / "logs" / f"{plan.folder.name}.log"
            with self._go_caches.held() as caches:
                gobuild.build(plan, component.version, program, caches, files, log, step)

        key = self._build_key(component, plan)
        return _built(plan, self._store.make(plan.folder.name, key, fill))

    def _recipe(self, component: Component) -> recipe.Recipe:
        return recipe.read(REPOSITORY / component.recipe)

    def _build_key(self, component: Component, plan: recipe.Recipe) -> str:
        return digest.of_value(
            [plan.fingerprint(), component.version, self._go.version, gobuild.METHOD]
        )

    @cached_property
    def _go(self) -> go.Go:
        return go.find(self._spec.go)


def _release_key(owner: Component) -> str:
    return digest.of_value([owner.url, owner.sha256, dict(owner.provides)])


def _released(owner: Component, files: Path) -> Made:
    programs = {program: files / program for program in owner.provides.values()}
    if owner.archived:
        # Kept beside the programs: machines get the official file itself.
        return Made(programs, files / "release" / owner.file)
    return Made(programs, files / owner.provides[owner.file])


def _built(plan: recipe.Recipe, files: Path) -> Made:
    return Made({name: files / name for name in plan.outputs}, None)
