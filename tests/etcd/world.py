"""The machines of one etcd cluster."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Callable
from pathlib import Path

from config.declared import DECLARED_FILE
from tests.etcd.authority import Authority
from tests.etcd.machine import Machine

Launch = Callable[[str], Machine]


class World:
    """The machines of one cluster, by letter: a is the founder, i the last that there can be.

    All of them are declared, unless `declare` says otherwise.
    """

    def __init__(
        self,
        folder: Path,
        programs: Path,
        container: str,
        all_lost: str = "wait",
        authority: Authority | None = None,
    ) -> None:
        """programs: folder of etcd and etcdctl; container: URL for the birth record.

        all_lost: what the cluster does then, `wait` or `reinitialise`.
        authority: that of other clusters too; unless it is given, the cluster has its own.
        """
        network = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}"
        self._addresses = [f"{network}.{10 + index}" for index in range(9)]
        self._authority = authority or Authority()
        self._folder, self._programs, self._container = folder, programs, container
        self._all_lost = all_lost
        self._machines: dict[str, Machine] = {}
        self._declared = ""
        self._learner = ""
        self.declare("abcdefghi")

    def declare(self, voters: str, *, learner: str = "") -> None:
        """The first of the voters may found the cluster. The vault has it, and all machines, as
        a bundle brings it."""
        addresses = {
            f"prod-etcd-{chr(ord('a') + index)}": address
            for index, address in enumerate(self._addresses)
        }
        names = [f"prod-etcd-{letter}" for letter in voters]
        self._learner = name = f"prod-etcd-{learner}"
        declared = {
            "founder": names[0],
            "voters": {name: addresses[name] for name in names},
            "learner": {"name": name, "address": addresses[name]} if learner else None,
        }
        self._declared = json.dumps({"files": {DECLARED_FILE: json.dumps(declared)}})
        self._vault("PUT", json.dumps({"value": self._declared}).encode())
        for each in self._machines.values():
            each.places.bundle.write_text(self._declared)

    def silence_vault(self) -> None:
        """Machines go by what they kept."""
        self._vault("DELETE")

    def machine(self, letter: str) -> Machine:
        if letter not in self._machines:
            name, index = f"prod-etcd-{letter}", ord(letter) - ord("a")
            made = Machine(
                self._folder,
                name,
                self._addresses,
                index,
                self._container,
                self._programs,
                self._all_lost,
                learns=name == self._learner,
            )
            self._authority.certify(made.places.pki, name, self._addresses[index])
            made.places.bundle.write_text(self._declared)
            self._machines[letter] = made
        return self._machines[letter]

    def _vault(self, method: str, secret: bytes | None = None) -> None:
        vault, _, bundle = self._container.rpartition("/")
        headers = {"Authorization": "Bearer T", "x-ms-blob-type": "BlockBlob"}
        url = f"{vault}/secrets/{bundle}"
        with urllib.request.urlopen(urllib.request.Request(url, secret, headers, method=method)):
            pass

    def end(self) -> None:
        for machine in self._machines.values():
            machine.kill()
