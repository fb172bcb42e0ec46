"""What stands in for public registries: distribution's, filled once with the toolchain's images."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

from local_azure import fabric
from local_azure.services.authority import Authority
from local_azure.services.children import Child, listens
from local_azure.services.dns import REGISTRY_HOSTS

PORT = 443


class Registry:
    def __init__(self, directory: Path, bin_dir: Path, authority: Authority, log: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        certificate, key = authority.issue("registry", REGISTRY_HOSTS, [fabric.REGISTRY])
        configuration = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
            "http": {
                "addr": f"{fabric.REGISTRY}:{PORT}",
                "tls": {"certificate": str(certificate), "key": str(key)},
            },
        }
        file = directory / "config.json"  # JSON is YAML
        file.write_text(json.dumps(configuration))
        self._directory = directory
        self._log = log
        self._crane = bin_dir / "crane"
        self._trusted = {**os.environ, "SSL_CERT_FILE": str(authority.certificate_file)}
        argv = [str(bin_dir / "registry"), "serve", str(file)]
        self._child = Child(argv, log, {"OTEL_TRACES_EXPORTER": "none"})
        self._child.wait(lambda: listens(fabric.REGISTRY, PORT))

    def fill(self, images: Path) -> None:
        """Pushes what index.json (archive: reference) names, unless that was done before."""
        # The toolchain makes a new folder for other images.
        done = self._directory / f"filled-{hashlib.sha256(bytes(images)).hexdigest()[:16]}"
        if done.exists():
            return
        for archive, reference in json.loads((images / "index.json").read_text()).items():
            _, _, repository = reference.partition("/")
            target = f"{fabric.REGISTRY}:{PORT}/{repository}"
            command = [self._crane, "push", images / archive, target]
            with self._log.open("ab") as log:
                subprocess.run(command, env=self._trusted, check=True, stdout=log, stderr=log)
        done.touch()

    def stop(self) -> None:
        self._child.stop()
