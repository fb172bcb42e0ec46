"""A dockerd of the machine image, alone on this host, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_azure import image

# What of daemon.json is about a machine's disk and network.
_ELSEWHERE = ("data-root", "live-restore")
_START_SECONDS = 60.0


@contextmanager
def dockerd(folder: Path, settings: Mapping[str, Any]) -> Iterator[list[str]]:
    """settings: of daemon.json. Yields the words that begin a command of its client. Needs root."""
    root = image.path() / "root"
    folder.mkdir(parents=True)
    kept = {key: value for key, value in settings.items() if key not in _ELSEWHERE}
    (folder / "daemon.json").write_text(json.dumps(kept))
    path = os.pathsep.join(str(root / part) for part in ("usr/sbin", "usr/bin", "sbin", "bin"))
    socket = f"unix://{folder / 'docker.sock'}"
    command = [
        *(str(root / "usr/sbin/dockerd"), f"--config-file={folder / 'daemon.json'}"),
        *(f"--host={socket}", f"--data-root={folder / 'data'}", f"--exec-root={folder / 'exec'}"),
        f"--pidfile={folder / 'docker.pid'}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"},
            stdout=log,
            stderr=log,
            # Its containerd ends with the group, whatever becomes of itself.
            start_new_session=True,
        )
    client = [str(root / "usr/bin/docker"), f"--host={socket}"]
    try:
        deadline = time.monotonic() + _START_SECONDS
        while subprocess.run([*client, "version"], capture_output=True).returncode:
            said = (folder / "log").read_text()[-2000:]
            assert process.poll() is None, f"dockerd ended: {said}"
            assert time.monotonic() < deadline, f"dockerd does not start: {said}"
            time.sleep(0.2)
        yield client
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
