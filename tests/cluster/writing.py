"""Writes that never stop: a ConfigMap a time, through the API load balancer."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from types import TracebackType

from tests.cluster.conftest import Cluster

LABELS = {"kilonode.io/test": "writing"}
SELECTOR = "--selector=kilonode.io/test=writing"
PAUSE_SECONDS = 0.5


class Writing:
    """While it is entered, writes go on; afterwards it knows which of them were acknowledged."""

    def __init__(self, cluster: Cluster) -> None:
        self.acknowledged: set[str] = set()
        self._cluster = cluster
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writing:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        if kind:
            self._forget()

    def _write(self) -> None:
        number = 0
        while not self._stop.wait(PAUSE_SECONDS):
            number += 1
            name = f"writing-{time.time_ns()}-{number}"
            metadata = {"name": name, "labels": LABELS}
            written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
            try:
                self._cluster.kubectl(
                    "create", "--request-timeout=5s", "--filename=-", stdin=json.dumps(written)
                )
            except subprocess.CalledProcessError:
                # Not acknowledged: it may be there or not.
                continue
            self.acknowledged.add(name)

    def lost(self) -> set[str]:
        """Acknowledged writes that the API does not have any more; all are deleted then."""
        listed = self._cluster.get("configmaps", SELECTOR)["items"]
        self._forget()
        return self.acknowledged - {item["metadata"]["name"] for item in listed}

    def _forget(self) -> None:
        self._cluster.kubectl("delete", "configmaps", SELECTOR)
