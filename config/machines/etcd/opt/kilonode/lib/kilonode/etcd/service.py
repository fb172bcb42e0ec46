"""etcd.service of this machine, for programs that need its data still."""

from __future__ import annotations

import subprocess

# With what starts before and after it, which would go on without it.
_UNITS = ("etcd.service", "etcd-member.service", "etcd-promote.service")


class Service:
    """Raises subprocess.CalledProcessError, which systemctl explains on standard error."""

    def stop(self) -> None:
        """etcd has closed its data afterwards."""
        subprocess.run(["systemctl", "stop", *_UNITS], check=True)

    def start(self) -> None:
        """Does not wait until etcd is up, which may need other machines."""
        subprocess.run(["systemctl", "start", "--no-block", "etcd.service"], check=True)
