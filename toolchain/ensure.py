"""What each purpose needs, made available step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolchain import images, user_pulumi, views
from toolchain.errors import ToolchainError
from toolchain.options import Options
from toolchain.progress import Progress
from toolchain.sources import Made, Sources
from toolchain.spec import Component, Spec
from toolchain.store import Store

Purpose = Literal["preview", "up", "test"]
PURPOSES: tuple[Purpose, ...] = ("preview", "up", "test")
_PULUMI = ("pulumi", "pulumi-language-python")


class NotMadeError(ToolchainError):
    """Asked for a folder whose contents nobody has made yet."""


@dataclass(frozen=True)
class Folders:
    """What a purpose has to offer; only a preview does without the last two."""

    bin: Path
    mirror: Path | None
    images: Path | None


class Toolchain:
    """Finds or makes what a purpose needs."""

    def __init__(self, spec: Spec, options: Options) -> None:
        self._spec = spec
        self._progress = Progress()
        self._store = Store(options.cache, self._progress.note)
        self._sources = Sources(spec, options, self._store)
        # Asked once: starting the user's program takes a moment.
        self._users = user_pulumi.find(
            spec.tools["pulumi"].version, options.cache, self._progress.note
        )

    def ensure(self, purpose: Purpose) -> Folders:
        """Make everything that is missing, then hand out the folders."""
        missing = self._missing(purpose)
        # Several components may come out of one build or download.
        self._progress.total = len({self._sources.unit(c) for c in missing})
        for component in missing:
            if self._sources.find(component):
                continue
            unit, doing = self._sources.unit(component), self._sources.doing(component)
            with self._progress.step(unit, doing) as step:
                self._sources.make(component, step)
        self._sources.tidy()
        return self.folders(purpose)

    def folders(self, purpose: Purpose) -> Folders:
        """Hand out the folders of what is in the cache; download and build nothing."""
        if missing := self._missing(purpose):
            names = ", ".join(component.name for component in missing)
            raise NotMadeError(f"not made yet: {names}; run `python -m toolchain ensure {purpose}`")
        made = {
            name: found
            for name, component in self._components(purpose).items()
            if (found := self._sources.find(component))
        }
        bin_folder = self._bin(purpose, made)
        if purpose == "preview":
            return Folders(bin_folder, None, None)
        mirror = views.mirror_folder(self._store, self._spec.artifacts, made)
        pictures = images.definitions(
            self._spec,
            pause=made["pause"].programs["pause"],
            coredns=made["coredns"].programs["coredns"],
            metrics_server=made["metrics-server"].programs["metrics-server"],
            prometheus=made["prometheus"].programs["prometheus"],
            testbox=made["testbox"].programs["testbox"],
        )
        return Folders(bin_folder, mirror, views.images_folder(self._store, pictures))

    def _components(self, purpose: Purpose) -> dict[str, Component]:
        """Name everything a purpose needs, what others wait for first."""
        tools = {
            name: tool
            for name, tool in self._spec.tools.items()
            if not (name in _PULUMI and self._users)
        }
        if purpose == "preview":
            return {name: tools[name] for name in _PULUMI if name in tools}
        own = images.own_components(self._spec)
        # A test run boots machines, so it needs all that `up` needs.
        tests = self._spec.tests if purpose == "test" else {}
        return {**tools, **self._spec.artifacts, **own, **tests}

    def _missing(self, purpose: Purpose) -> list[Component]:
        components = self._components(purpose).values()
        return [c for c in components if not self._sources.find(c)]

    def _bin(self, purpose: Purpose, made: Mapping[str, Made]) -> Path:
        programs: dict[str, tuple[Path, str]] = {}
        # What machines install is made for `up`, too; only tests run it here.
        tests = self._spec.tests if purpose == "test" else {}
        for name, tool in {**self._spec.tools, **tests}.items():
            if name not in made:
                continue
            found = made[name]
            # A build of Kubernetes holds more programs than the tool is named for.
            wanted = set(tool.provides.values()) or set(found.programs)
            sums = found.sums()
            programs |= {
                program: (path, sums[program])
                for program, path in found.programs.items()
                if program in wanted
            }
        return views.bin_folder(self._store, programs, self._users or {})
