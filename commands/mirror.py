"""make mirror STACK=… OUT=…: all that a stack's machines fetch, as the folder to serve to them.

    OUT/HOST/PATH          the artifact whose official URL is https://HOST/PATH
    OUT/images/NAME.tar    images that machines bring along (D15)
    OUT/checksums.json     the SHA-256 of each, by name

It prints the settings to take over. With --upload it also fills the container of Blob storage that
artifacts.mirror names. What is there already is neither made nor sent again, so a run that was cut
off goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import yaml

from commands.tools import toolchain
from config.artifacts import catalog
from config.images import archives, pause_archive
from config.schema.stack import Settings
from config.settings import SettingsError, of_stack
from config.stack_file import StackFileError
from toolchain import digest
from toolchain.errors import ToolchainError
from toolchain.image_archive import Images, Named
from toolchain.options import Options
from toolchain.store import Store

CHECKSUMS = "checksums.json"


def lay_out(settings: Settings, out: Path) -> dict[str, str]:
    """Fills the folder; returns the sums of what lies there, by name. Raises ToolchainError."""
    made = Path(toolchain("mirror"))
    sums: dict[str, str] = json.loads((made / CHECKSUMS).read_text())
    for file in sorted(made.rglob("*")):
        if file.is_file():
            _place(file, out / file.relative_to(made))
    pictures = images()
    pause = pause_archive(settings).name
    for name, archive in archives(settings).items():
        wanted = [Named(image.source, image.name) for image in archive.images]
        file = pictures.archive(name, wanted, stand_in=name == pause)
        _place(file, out / archive.path)
        sums[name] = digest.of_file(file)
    draft = out / f".{CHECKSUMS}"
    draft.write_text(json.dumps(sums, indent=1) + "\n")
    draft.replace(out / CHECKSUMS)
    return sums


def images() -> Images:
    """The toolchain's, with what it built itself."""
    options = Options.from_environment()
    store = Store(options.cache, lambda text: print(f"kilonode: {text}", file=sys.stderr))
    crane = Path(toolchain("bin", "up")) / "crane"
    return Images(store, crane, Path(toolchain("images")), options.mode)


def needed(sums: dict[str, str]) -> dict[str, str]:
    """Those sums that the settings must name: not the official ones of config/artifacts.yaml."""
    known = catalog().artifacts
    return {
        name: sha256
        for name, sha256 in sums.items()
        if name not in known or known[name].sha256 != sha256
    }


def _place(source: Path, target: Path) -> None:
    """Link it there, or copy it where a link cannot be; a file that is the same stays."""
    if target.exists() and (
        target.samefile(source)
        or (
            target.stat().st_size == source.stat().st_size
            and digest.of_file(target) == digest.of_file(source)
        )
    ):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:
        shutil.copy2(source, draft)
    draft.replace(target)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mirror", description=__doc__.splitlines()[0])
    parser.add_argument("--stack", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--upload", action="store_true", help="fill the mirror in Blob storage")
    options = parser.parse_args()
    try:
        settings = of_stack(options.stack)
        toolchain("ensure", "up")
        sums = lay_out(settings, options.out)
        if options.upload:
            # Nobody else needs Azure's libraries.
            from commands import blob_mirror

            sent = blob_mirror.upload(settings, options.out, blob_mirror.as_this_user)
            print(f"# {len(sent)} files sent to {settings.artifacts.mirror}")
    except (StackFileError, SettingsError, ToolchainError, OSError) as error:
        sys.exit(f"kilonode: {error}")
    print(f"# {len(sums)} files in {options.out}. In Pulumi.{options.stack}.yaml:")
    print(yaml.safe_dump({"kilonode:artifacts": {"checksums": needed(sums)}}, width=1000), end="")


if __name__ == "__main__":
    main()
