"""Programs from Go modules, pinned and hash-checked by go.mod and go.sum."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from toolchain import run
from toolchain.errors import ToolchainError
from toolchain.progress import Step
from toolchain.recipe import Recipe

# Machines and the operator's box are amd64 Linux.
_FIXED_ENVIRONMENT = {
    "GOOS": "linux",
    "GOARCH": "amd64",
    "GOFLAGS": "-buildvcs=false",
    # A go.work in some folder above, or another Go than the one chosen, would
    # make the result depend on the machine.
    "GOWORK": "off",
    "GOTOOLCHAIN": "local",
}
_BUILD = ("build", "-trimpath", "-mod=readonly")

# Part of every key: another way of building gives another result.
METHOD = (*_BUILD, *sorted(_FIXED_ENVIRONMENT.items()))


def build(
    recipe: Recipe,
    version: str,
    go: Path,
    caches: Mapping[str, str],
    target: Path,
    log: Path,
    step: Step,
) -> None:
    """Build every program of a recipe into `target`. caches: Go's variables for its own."""
    recipe.check(version)
    if recipe.cgo and not (shutil.which("gcc") or os.environ.get("CC")):
        raise ToolchainError(f"{recipe.folder.name} needs a C compiler: install gcc and libc6-dev")
    environment = {
        **os.environ,
        **caches,
        **_FIXED_ENVIRONMENT,
        "CGO_ENABLED": "1" if recipe.cgo else "0",
    }
    # With C, the pure Go resolver and user lookup keep a static program whole.
    tags = [*recipe.tags, *(("netgo", "osusergo") if recipe.cgo else ())]
    flags = ["-tags", ",".join(tags), "-ldflags", recipe.linker_flags(version)]
    log.unlink(missing_ok=True)
    for number, (program, package) in enumerate(recipe.packages.items(), 1):
        what = f"building {program}"
        if len(recipe.packages) > 1:
            what += f", {number} of {len(recipe.packages)}"
            step.say(what)
        run.logged(
            [str(go), *_BUILD, *flags, "-o", str(target / program), package],
            what=what,
            cwd=recipe.folder,
            env=environment,
            log=log,
            step=step,
        )
    for file, source in recipe.files.items():
        module, _, path = source.partition(":")
        folder = _module_folder(go, module, recipe.folder, environment)
        shutil.copyfile(folder / path, target / file)
        (target / file).chmod(0o755)


def _module_folder(go: Path, module: str, recipe: Path, environment: dict[str, str]) -> Path:
    """Find where Go unpacked a module, after checking it against go.sum."""
    answer = subprocess.run(
        [str(go), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module],
        cwd=recipe,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode or not answer.stdout.strip():
        raise ToolchainError(f"{module}: {answer.stderr.strip() or 'no folder'}")
    return Path(answer.stdout.strip())
