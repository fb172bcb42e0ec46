"""D17: 2,000 neighbours that a machine talks to, with the kernel's thresholds and with ours.

The kernel has one table for all its network namespaces, and its thresholds are the first
namespace's: this changes those of the machine it runs on, and puts them back.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from benchmarks.row import Row
from config.user_data import MACHINES

NEIGHBOURS = 2000
ASKING, ANSWERING = "knbench-asking", "knbench-answering"
# What Linux starts with (net/ipv4/arp.c, net/ipv6/ndisc.c).
KERNELS = {"gc_thresh1": 128, "gc_thresh2": 512, "gc_thresh3": 1024}
# Until the kernel, which tells ten such things in five seconds, tells the next ones.
MESSAGE_SECONDS = 6
OVERFLOW = "neighbor table overflow!"
# What IPv4 and IPv6 say where there is no room for one more neighbour.
REFUSED = (errno.ENOBUFS, errno.EINVAL)
SO_SNDBUFFORCE = 32  # asm-generic/socket.h
# Level and name of the option by which a socket hears of errors (linux/in.h, linux/in6.h).
RECVERR = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
_SYSCTL = Path("/proc/sys")
_SETTING = re.compile(r"^-?net\.(ipv[46])\.neigh\.default\.(gc_thresh\d) = (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Family:
    """first: the first neighbour. table: its name among the kernel's statistics."""

    version: str
    table: str
    own: str
    first: IPv4Address | IPv6Address


FAMILIES = (
    Family("ipv4", "arp_cache", "10.200.0.1/16", IPv4Address("10.200.16.0")),
    Family("ipv6", "ndisc_cache", "fd00:200::1/64", IPv6Address("fd00:200::1:0")),
)


@dataclass(frozen=True)
class Outcome:
    """refused: neighbours that no packet could be sent to. overflows: lines in the kernel's log."""

    refused: int
    overflows: int

    def __str__(self) -> str:
        return f"{self.refused:,} of {NEIGHBOURS:,} refused, {self.overflows} overflow messages"


def run() -> list[Row]:
    """Needs root and the first network namespace's settings."""
    rows = []
    for family in FAMILIES:
        time.sleep(MESSAGE_SECONDS)
        with thresholds(family, KERNELS):
            kernels = talk(family)
        with thresholds(family, ours(family)):
            own = talk(family)
        rows.append(
            Row(
                f"{NEIGHBOURS:,} {family.version} neighbours with our gc_thresh (D17), "
                "against the kernel's",
                str(own),
                str(kernels),
                "the table is the host's own kernel's",
                "none refused, where the kernel's refuse some",
                own == Outcome(0, 0) and kernels.refused > 0 and kernels.overflows > 0,
            )
        )
    return rows


def ours(family: Family) -> dict[str, int]:
    """What machines set."""
    text = (MACHINES / "common/etc/sysctl.d/60-kilonode.conf").read_text()
    return {
        key: int(value)
        for version, key, value in _SETTING.findall(text)
        if version == family.version
    }


@contextmanager
def thresholds(family: Family, values: Mapping[str, int]) -> Iterator[None]:
    """Sets them, and puts back what was there."""
    folder = _SYSCTL / "net" / family.version / "neigh" / "default"
    before = {key: (folder / key).read_text() for key in values}
    try:
        for key, value in values.items():
            (folder / key).write_text(str(value))
        yield
    finally:
        for key, text in before.items():
            (folder / key).write_text(text)


def talk(family: Family) -> Outcome:
    """One packet to each neighbour, from a namespace of its own to one that has all addresses."""
    with namespaces(family), kernel_log() as log:
        done = subprocess.run(
            [
                *("ip", "netns", "exec", ASKING, sys.executable, "-m", "benchmarks.neighbours"),
                *(str(family.first), str(NEIGHBOURS)),
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return Outcome(int(done.stdout), log(f"{family.table}: {OVERFLOW}"))


@contextmanager
def namespaces(family: Family) -> Iterator[None]:
    """Two with a wire between them; the neighbours' entries go with them."""
    try:
        for name in (ASKING, ANSWERING):
            subprocess.run(["ip", "netns", "add", name], check=True)
        wire = f"link add wire netns {ASKING} type veth peer name wire netns {ANSWERING}"
        subprocess.run(["ip", *wire.split()], check=True)
        # Duplicates are looked for in IPv6 alone.
        nodad = "nodad" if family.version == "ipv6" else ""
        _ip(ASKING, f"address add {family.own} dev wire {nodad}")
        for name in (ASKING, ANSWERING):
            _ip(name, "link set lo up")
            _ip(name, "link set wire up")
        if family.version == "ipv4":
            # It answers for all of them. In IPv6 nobody does, which takes as many entries.
            _ip(ANSWERING, "route add local 10.200.16.0/20 dev lo")
            _ip(ANSWERING, "route add 10.200.0.1/32 dev wire")
        time.sleep(1)  # for the wire's own addresses
        yield
    finally:
        for name in (ASKING, ANSWERING):
            subprocess.run(["ip", "netns", "delete", name], check=False)


@contextmanager
def kernel_log() -> Iterator[Callable[[str], int]]:
    """Counts lines that the kernel has said since."""
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.lseek(log, 0, os.SEEK_END)
        yield lambda text: sum(text in line for line in _lines(log))
    finally:
        os.close(log)


def _lines(log: int) -> Iterator[str]:
    while True:
        try:
            yield os.read(log, 8192).decode(errors="replace")
        except BlockingIOError:
            return
        except BrokenPipeError:
            continue  # Lines that were overwritten before they were read.


def _ip(namespace: str, command: str) -> None:
    subprocess.run(["ip", "-n", namespace, *command.split()], check=True)


def send(first: str, count: int) -> int:
    """Run in the namespace: how many neighbours the kernel refused to keep."""
    start = ip_address(first)
    kind = socket.AF_INET if start.version == 4 else socket.AF_INET6
    with socket.socket(kind, socket.SOCK_DGRAM) as sender:
        # Or the kernel keeps it to itself that it dropped a packet.
        sender.setsockopt(*RECVERR[start.version], 1)
        # Packets wait in it for their neighbours' answers.
        sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20)
        return sum(_is_refused(sender, str(start + number)) for number in range(count))


def _is_refused(sender: socket.socket, address: str) -> bool:
    while True:
        try:
            sender.sendto(b"x", (address, 9))
        except OSError as error:
            if error.errno in REFUSED:
                return True
            if error.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH):
                raise
            # The answer to an earlier packet, told in the place of sending this one.
        else:
            return False


if __name__ == "__main__":
    print(send(sys.argv[1], int(sys.argv[2])))
