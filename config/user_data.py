"""A machine's folder and its environment, as cloud-init user data. Pure and deterministic.

Every file below config/machines/FOLDER lands at the same path on the machine. Nothing is
substituted in it: what varies stands in /etc/kilonode/machine.env and in data files.

    python -m config.user_data ROLE [KEY=VALUE ...]     prints the cloud-config
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from config.azure_limits import CUSTOM_DATA_MAX_BYTES

MACHINES = Path(__file__).parent / "machines"
ENVIRONMENT_FILE = "/etc/kilonode/machine.env"
TARGET = "kilonode.target"

# Later folders win. A master is a (tainted) node too, so that webhooks and aggregated APIs that
# pods serve are reached from it.
FOLDERS: Mapping[str, tuple[str, ...]] = {
    "etcd": ("common", "etcd"),
    "events": ("common", "etcd"),
    "node": ("common", "node"),
    "master": ("common", "node", "master"),
    # A node of a size with GPUs, where the settings have the add-on.
    "gpu": ("common", "node", "gpu"),
}

_HEADER = "#cloud-config\n"
_UNITS = "/etc/systemd/system/"
_ENVIRONMENT_KEY = re.compile(r"[A-Z][A-Z0-9_]*")
# Read by systemd and by shells alike, so nothing that either of them would expand.
_ENVIRONMENT_VALUE = re.compile(r"[^\"\\$`\n\r\x00]*")


class UserDataError(ValueError):
    """The user data cannot be what Azure or the machine takes."""


@dataclass(frozen=True)
class MachineFile:
    """A file's content and its permission bits."""

    content: str
    mode: int


def render(role: str, environment: Mapping[str, str], data: Mapping[str, str]) -> str:
    """The role's cloud-config as text.

    data: absolute path on the machine -> content, for files that cannot read an environment.
    Raises UserDataError for a value that machine.env cannot hold.
    """
    files = {
        **_machine_files(role),
        ENVIRONMENT_FILE: MachineFile(_environment_file(environment), 0o644),
        **{path: MachineFile(content, 0o644) for path, content in data.items()},
    }
    document = {
        "write_files": [
            {"path": path, "permissions": f"{file.mode:04o}", "content": file.content}
            for path, file in sorted(files.items())
        ],
        # First boot only: from the second one on, systemd has the units enabled by itself.
        "runcmd": [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", *_enabled_units(files)],
            ["systemctl", "start", "--no-block", TARGET],
        ],
    }
    # JSON is YAML, and needs no rules for quoting of our own.
    return _HEADER + json.dumps(document, indent=1) + "\n"


def encode(text: str, role: str = "machine") -> str:
    """base64 of gzip, as customData takes it. Raises UserDataError above Azure's limit."""
    buffer = io.BytesIO()
    # GzipFile writes its header itself (no name, no time), gzip.compress leaves it to zlib: the
    # same text must give the same bytes everywhere, since new user data replaces a VM.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
        stream.write(text.encode())
    compressed = buffer.getvalue()
    if len(compressed) > CUSTOM_DATA_MAX_BYTES:
        raise UserDataError(
            f"user data of role {role} is {len(compressed)} bytes after gzip: Azure's limit for "
            f"customData is {CUSTOM_DATA_MAX_BYTES}; make files below config/machines smaller, or "
            "let the machine fetch them as an artifact"
        )
    return base64.b64encode(compressed).decode()


def decode(encoded: str) -> dict[str, MachineFile]:
    """The files of encoded user data, by absolute path. Raises UserDataError if it is not ours."""
    try:
        text = gzip.decompress(base64.b64decode(encoded, validate=True)).decode()
        document: dict[str, Any] = json.loads(text.removeprefix(_HEADER))
    except (binascii.Error, OSError, EOFError, ValueError) as error:
        raise UserDataError(f"not user data of this project: {error}") from error
    return {
        file["path"]: MachineFile(file["content"], int(file["permissions"], 8))
        for file in document["write_files"]
    }


@cache
def _machine_files(role: str) -> Mapping[str, MachineFile]:
    """The role's static files, by absolute path."""
    return {
        f"/{path.relative_to(folder)}": MachineFile(
            path.read_text(), 0o755 if path.stat().st_mode & 0o100 else 0o644
        )
        for folder in (MACHINES / name for name in FOLDERS[role])
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_litter(path.relative_to(folder))
    }


def _is_litter(path: Path) -> bool:
    """What editors, linters and Python leave in a tree: it must not replace machines."""
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts) or (
        path.name.endswith("~")
    )


def _environment_file(environment: Mapping[str, str]) -> str:
    for key, value in environment.items():
        if not _ENVIRONMENT_KEY.fullmatch(key):
            raise UserDataError(f"{key!r} is not a name of an environment variable")
        if not _ENVIRONMENT_VALUE.fullmatch(value):
            raise UserDataError(
                f'{key}={value!r}: machine.env holds no ", \\, $, ` or line break in a value'
            )
    return "".join(f'{key}="{value}"\n' for key, value in sorted(environment.items()))


def _enabled_units(files: Mapping[str, MachineFile]) -> Iterator[str]:
    """Shipped units that say where they belong; drop-ins lie one folder deeper."""
    for path, file in sorted(files.items()):
        unit = path.removeprefix(_UNITS)
        if unit != path and "/" not in unit and "\n[Install]\n" in file.content:
            yield unit


def main() -> None:
    role, *pairs = sys.argv[1:] or sys.exit(__doc__)
    sys.stdout.write(render(role, dict(pair.split("=", 1) for pair in pairs), {}))


if __name__ == "__main__":
    main()
