"""Programs that run as long as the daemon does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

RESTART_SECONDS, START_SECONDS, STOP_SECONDS = 1.0, 20.0, 5.0


class Child:
    """A process that is started again whenever it ends, until `stop` or `retire`.

    The kernel sends it SIGTERM when the daemon dies, however that happens. `setpriv` asks for that:
    Python code between fork and exec can deadlock in a process that has gRPC's threads.
    """

    def __init__(
        self, argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._argv = ["setpriv", "--pdeathsig", "TERM", "--", *argv]
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel means the thread that started the process, so that thread stays.
        self._thread = threading.Thread(target=self._supervise, name=log.stem, daemon=True)
        self._thread.start()

    def wait(self, ready: Callable[[], bool]) -> None:
        """Until the program serves; raises TimeoutError, which names its log."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                self.stop()
                raise TimeoutError(f"{self._argv[4]} does not serve; see {self._log}")
            time.sleep(0.05)

    def stop(self) -> None:
        self.retire(signal.SIGTERM)
        self._thread.join(STOP_SECONDS)
        self.retire(signal.SIGKILL)
        self._thread.join()

    def retire(self, number: signal.Signals) -> None:
        """Sends a signal and lets the process come to its end."""
        self._ending.set()
        with self._lock:
            if self._process is not None:
                self._process.send_signal(number)

    def _supervise(self) -> None:
        while not self._ending.is_set():
            with self._lock, self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                )
            if self._ending.is_set():
                self._process.terminate()
            self._process.wait()
            self._ending.wait(RESTART_SECONDS)


def listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
