"""Fetch the role's keys and certificates from the vault and lay them out in /etc/kilonode/pki."""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Mapping
from pathlib import Path

from kilonode import metadata, web
from kilonode.machine import environment, say, write_atomically

PKI = Path("/etc/kilonode/pki")
# On the OS disk and for root alone: the machine must start on the day the vault does not answer.
KEPT = Path("/var/lib/kilonode/bundle.json")

_VAULT = "https://vault.azure.net"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class BundleError(ValueError):
    """Not a bundle."""


def files_of(bundle: str) -> dict[str, str]:
    """Path below the pki folder -> content. Raises BundleError."""
    try:
        files = {**json.loads(bundle)["files"]}
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError("the bundle is not what a bundle should be") from error
    for path, content in files.items():
        if not _NAME.fullmatch(path) or not isinstance(content, str):
            raise BundleError(f"the bundle has an entry that is not a file: {path!r}")
    return files


def fetch(vault: str, name: str) -> str:
    """The secret's value. Raises one of web.ERRORS."""
    url = f"{vault.rstrip('/')}/secrets/{name}?api-version=7.4"
    answer = web.send(url, {"Authorization": f"Bearer {metadata.token(_VAULT)}"})
    try:
        return str(json.loads(answer)["value"])
    except (KeyError, TypeError) as error:
        raise BundleError("the vault's answer holds no value") from error


def lay_out(files: Mapping[str, str], old: Mapping[str, str], root: Path) -> None:
    """Makes `root` hold `files`, and no more those of `old` that are gone."""
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    for path, content in files.items():
        target = root / path
        # An unchanged file stays as it is: programs read theirs again when it changes.
        if not target.is_file() or target.read_text() != content:
            write_atomically(target, content.encode(), 0o600)
    for path in set(old) - set(files):
        (root / path).unlink(missing_ok=True)


def update(vault: str, name: str, patience: float) -> None:
    """Fetches and lays out, or falls back on the kept bundle after `patience` seconds.

    Without a kept one it never gives up: the machine is of no use, and rights on a vault may take
    long to arrive.
    """
    old = kept(KEPT)

    def attempt() -> tuple[str, dict[str, str]]:
        fetched = fetch(vault, name)
        return fetched, files_of(fetched)

    try:
        bundle, files = web.retry(f"bundle {name}", attempt, patience if old else None)
    except web.ERRORS as error:
        age = (time.time() - KEPT.stat().st_mtime) / 86400
        say(f"bundle {name}: {error}; using the one kept {age:.1f} days ago")
        lay_out(old, old, PKI)
        return
    lay_out(files, old, PKI)
    # Written again even if unchanged: its time says when the vault last answered.
    write_atomically(KEPT, bundle.encode(), 0o600)


def kept(path: Path) -> dict[str, str]:
    """Files of the last good bundle; empty without one."""
    try:
        return files_of(path.read_text())
    except (FileNotFoundError, BundleError):
        return {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patience", type=float, required=True, help="seconds, see update")
    parser.add_argument("--node-jitter", type=float, default=0, help="seconds, nodes only")
    arguments = parser.parse_args()
    machine = environment()
    if machine["ROLE"] == "node":
        time.sleep(random.uniform(0, arguments.node_jitter))
    update(machine["VAULT_URL"], machine["BUNDLE_NAME"], arguments.patience)


if __name__ == "__main__":
    main()
