"""One process that is the local Azure: the plugins that the engine attaches to, and the services.

It may die at any time. Machines do not depend on it, and the next one adopts them.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_azure import fabric, host, image, paths
from local_azure.machines import cgroup, disk, machine
from local_azure.machines.spec import machines
from local_azure.shell import CommandError, run

_GROUP = "daemon"
_PORTS = paths.RUN / "ports.json"
# The lock that says that the daemon lives; its file holds the process id.
_LIFE = paths.RUN / "daemon.pid"
_START_SECONDS = 180.0
_STOP_SECONDS = 20.0
# How soon the services see a deletion.
_FOLLOW_SECONDS = 1.0

Say = Callable[[str], None]


def serve(say: Say) -> None:
    """Be the daemon, in the fabric's network namespace, until a SIGTERM."""
    from local_azure.arm.store import Store
    from local_azure.machines.backend import MachineBackend
    from local_azure.providers import serve as providers
    from local_azure.providers.cluster import Live
    from local_azure.services import start

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    _LIFE.write_text(str(os.getpid()))
    for group in cgroup.make(_GROUP):
        (group / "cgroup.procs").write_text("0")
    store = Store(paths.state() / "azure")
    base = image.path()
    backend = MachineBackend(store, base, lambda: services.reconcile())
    bin_dir, images_dir = (_toolchain(each) for each in ("bin", "images"))
    # Whoever starts the cluster fills it: what machines need of it, their settings decide.
    mirror_dir = paths.state() / "mirror"
    mirror_dir.mkdir(exist_ok=True)
    services = start(store, paths.state(), bin_dir, mirror_dir, images_dir, backend, base / "root")
    backend.recover(say)
    draft = _PORTS.with_suffix(".draft")
    draft.write_text(json.dumps(providers.start(store, backend, Live)))
    draft.replace(_PORTS)
    while not ended.wait(_FOLLOW_SECONDS):
        services.reconcile()
    services.stop()
    os._exit(0)  # A request that is under way would hold the process until it has ended.


def up(say: Say) -> None:
    """Have a daemon that serves. Raises CommandError."""
    host.check(install=False)
    paths.RUN.mkdir(parents=True, exist_ok=True)
    if _pid() is None:
        _start(say)
    if not _wait_until(lambda: _PORTS.exists() or _pid() is None, _START_SECONDS) or not _pid():
        log = _log()
        tail = log.read_text(errors="replace")[-2000:]
        raise CommandError(f"the local Azure's daemon does not start; the end of {log}:\n{tail}")


def _start(say: Say) -> None:
    cgroup.kill(_GROUP)  # Services that outlived a killed daemon.
    _PORTS.unlink(missing_ok=True)
    host.prepare()
    image.ensure(say)
    fabric.up()
    _log().parent.mkdir(exist_ok=True, mode=0o700)
    with _LIFE.open("w") as life, _log().open("ab") as log:
        # The daemon inherits the lock, so that there is no moment in which it lives without.
        fcntl.flock(life, fcntl.LOCK_EX | fcntl.LOCK_NB)
        subprocess.Popen(
            fabric.inside(sys.executable, "-m", "local_azure", "serve"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[life.fileno()],
        )


def down(say: Say) -> None:
    """End everything that is ours, whatever state it is in, and put the host back."""
    pid = _pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        _wait_until(lambda: _pid() is None, _STOP_SECONDS)
    cgroup.kill(_GROUP)
    doomed = machines()
    if doomed:
        say(f"ending {len(doomed)} machines")
    with ThreadPoolExecutor() as pool:
        list(pool.map(machine.delete, doomed))
    # What has no description any more.
    cgroup.kill("")
    disk.detach(paths.state())
    for namespace in fabric.namespaces():
        fabric.remove_namespace(namespace)
    host.restore(say)
    _PORTS.unlink(missing_ok=True)
    _LIFE.unlink(missing_ok=True)


def _pid() -> int | None:
    """The daemon's process id, or None if none lives."""
    try:
        with _LIFE.open() as life:
            fcntl.flock(life, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        _wait_until(lambda: _LIFE.read_text() != "", _STOP_SECONDS)
        return int(_LIFE.read_text())
    return None


def _log() -> Path:
    return paths.state() / "logs/daemon.log"


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _toolchain(folder: str) -> Path:
    return Path(run(sys.executable, "-m", "toolchain", folder).strip())
